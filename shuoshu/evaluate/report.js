const page = document.documentElement;
const byId = (id) => document.getElementById(id);

page.dataset.lang = (navigator.language || "zh").startsWith("zh") ? "zh" : "en";
byId("language").addEventListener("click", () => {
  page.dataset.lang = page.dataset.lang === "zh" ? "en" : "zh";
});

const questions = [...document.querySelectorAll("article.question")];
const controls = ["level", "series", "result", "search"].map(byId);

// A question stays when its level, the marks of the chosen answers (1 right, 0 wrong, - not judged) and its text fit.
function filter() {
  const [level, series, result, search] = controls.map((control) => control.value);
  let shown = 0;
  for (const question of questions) {
    const marks = series === "" ? question.dataset.marks : question.dataset.marks[series];
    const stays =
      (level === "" || question.dataset.level === level) &&
      (result === "" || marks.includes(result)) &&
      (search === "" || question.textContent.toLowerCase().includes(search.toLowerCase()));
    question.hidden = !stays;
    shown += stays;
  }
  byId("shown").textContent = `${shown} / ${questions.length}`;
}
controls.forEach((control) => control.addEventListener("input", filter));
filter();

// A bar or a dot leads to its question, even where the filter hides it.
document.querySelectorAll("a.bar, a.dot").forEach((mark) =>
  mark.addEventListener("click", () => {
    controls.forEach((control) => (control.value = ""));
    filter();
  })
);

document.querySelectorAll("input.shows").forEach((box) =>
  box.addEventListener("input", () => {
    document.querySelector(`g.line[data-series="${box.value}"]`).classList.toggle("away", !box.checked);
  })
);
