"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent), $ = id => document.getElementById(id);
  const broken = new Set(["fail", "expected-fail"]), kept = new Set(["pass", "unexpected-pass"]);

  // What a report says becomes text, never markup.
  function el(tag, attrs, ...children) {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attrs || {})) if (v !== undefined) e.setAttribute(k, v);
    e.append(...children.filter(c => c !== ""));
    return e;
  }

  // Which rows are shown, by what the reports say of them.
  const shows = {
    apart: by => by.some(o => broken.has(o)) && by.some(o => kept.has(o)),
    differ: by => by.some(o => o !== by[0]),
    broken: by => by.some(o => broken.has(o) || o === "error" || o === "inconclusive"),
    all: () => true,
  };
  const rows = {requirements: data.requirements || [], checks: data.checks || []};
  for (const list of Object.values(rows)) for (const r of list) r.words = (r.id + " " + r.level + " " + r.text + " " + r.by.join(" ")).toLowerCase();

  function groups() {
    const chosen = $("group").value, names = [...new Set(rows[$("kind").value].map(r => r.group))];
    $("group").replaceChildren(el("option", {value: ""}, "all"), ...names.map(n => el("option", {}, n)));
    $("group").value = names.includes(chosen) ? chosen : "";
    $("group-name").textContent = $("kind").value === "checks" ? "Suite" : "Specification";
  }
  function apply() {
    const kind = $("kind").value, list = rows[kind], show = shows[$("show").value], group = $("group").value;
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const body = document.createDocumentFragment();
    let n = 0;
    for (const r of list) {
      if (!show(r.by) || group && r.group !== group || !words.every(w => r.words.includes(w))) continue;
      n++;
      body.append(el("tr", {}, el("th", {scope: "row"}, r.id, el("small", {}, (r.level ? r.level + ": " : "") + r.text)),
        ...r.by.map(o => el("td", {class: o || "dim"}, o || "—"))));
    }
    $("rows").replaceChildren(body);
    $("count").textContent = n + " of " + list.length + " " + kind;
    $("scroll").scrollTop = 0;
  }
  $("kind").addEventListener("input", () => { groups(); apply(); });
  for (const id of ["show", "group", "search"]) $(id).addEventListener("input", apply);
  $("filter").addEventListener("submit", e => e.preventDefault());
  for (const b of document.querySelectorAll("button[data-group]")) b.addEventListener("click", () => {
    $("kind").value = "requirements";
    groups();
    $("group").value = b.dataset.group;
    $("search").value = "";
    $("show").value = "broken";
    apply();
    $("row-by-row").scrollIntoView();
  });
  groups();
  apply();
})();
