// The page's labels in Chinese and English. The server wrote the first language into the page; here it is switched.
const words = JSON.parse(document.getElementById("labels").textContent);
const root = document.documentElement;

const chinese = () => root.lang.startsWith("zh");

/** The label `key` in the language of the page, with `{name}` filled in. */
export function t(key, fill = {}) {
  const text = words[key][chinese() ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (_, name) => fill[name] ?? "");
}

/** Whether there is such a label: faults have one for their code, or a sentence of their own. */
export const hasLabel = (key) => Object.hasOwn(words, key);

/** A book's title in the marks of its own language. */
export const titled = (book) => (/\p{Script=Han}/u.test(book) ? `《${book}》` : book);

/** Chinese to English and back; a cookie tells the server, so that the next visit begins with it. */
export function switchLanguage() {
  root.lang = chinese() ? "en" : "zh-CN";
  document.cookie = `shuoshu-language=${root.lang}; path=/; max-age=31536000; samesite=lax`;
  for (const element of document.querySelectorAll("[data-t]")) {
    element.textContent = t(element.dataset.t, element.dataset.fill ? JSON.parse(element.dataset.fill) : {});
  }
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
    if (element.matches("button")) element.title = t(element.dataset.tLabel);
  }
  for (const element of document.querySelectorAll("[data-t-placeholder]")) {
    element.placeholder = t(element.dataset.tPlaceholder);
  }
  document.title = t("title");
}
