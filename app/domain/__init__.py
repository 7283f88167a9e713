"""The rules of the business, one package per concept. Every public function takes a Scope first."""
