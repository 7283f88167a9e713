// The editor and its menus make <style> elements. The policy of the page takes only those with its nonce.

const nonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "";
const createElement = document.createElement.bind(document);

document.createElement = ((name: string, options?: ElementCreationOptions) => {
  const element = createElement(name, options);
  if (element instanceof HTMLStyleElement) element.nonce = nonce;
  return element;
}) as typeof document.createElement;
