/* The nonce with which the Content-Security-Policy lets a style element in. antd gives it to its own; two of the libraries
 * below antd (the scroll lock, the width of a scroll bar) forget it, so every style element that is made by a script gets it.
 * What is put into the page as markup does not. */
export const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

const make = document.createElement.bind(document);

document.createElement = (name: string, options?: ElementCreationOptions) => {
  const made = make(name, options);
  if (made instanceof HTMLStyleElement) made.nonce = nonce;
  return made;
};
