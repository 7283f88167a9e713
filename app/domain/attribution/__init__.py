"""Attribution: to which promo a player, a sale or a lead belongs, and what it could have belonged to (M01, M02)."""
