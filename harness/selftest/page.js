"use strict";
(() => {
  const cells = JSON.parse(document.getElementById("data").textContent).cells || [];
  const $ = id => document.getElementById(id), good = new Set(["killed", "passed"]), bad = new Set(["survived", "over-strict", "unproven"]);
  // Everything becomes text: nothing that a check or a target said is read as markup.
  function el(tag, cls, ...children) {
    const e = document.createElement(tag);
    if (cls) e.className = cls;
    e.append(...children.filter(c => c));
    return e;
  }
  const verdicts = [...new Set(cells.map(c => c.v))];
  for (const v of verdicts) {
    const o = el("option", "", v + " (" + cells.filter(c => c.v === v).length + ")");
    o.value = v;
    $("verdict").append(o);
  }
  // Rows are made for what is shown, a screenful at once and the rest as it is scrolled to.
  const some = 200;
  let shown = cells, drawn = 0;
  const end = new IntersectionObserver(entries => { if (entries.some(e => e.isIntersecting)) more(); });
  function row(c) {
    return el("tr", "", el("td", "v " + (good.has(c.v) ? "good" : bad.has(c.v) ? "bad" : ""), c.v), el("td", "", el("code", "", c.c)),
      el("td", "", c.r ? el("code", "", c.r) : ""), el("td", "", c.m || "", c.w ? el("pre", "", c.w) : "", c.a ? el("span", "also", "kills also " + c.a) : ""));
  }
  function more() {
    end.disconnect();
    const next = shown.slice(drawn, drawn + some).map(row);
    $("matrix").append(...next);
    drawn += next.length;
    if (drawn < shown.length) end.observe(next[next.length - 1]);
  }
  const words = cells.map(c => [c.c, c.s, c.r, c.m, c.w].join(" ").toLowerCase());
  function filter() {
    const wanted = $("search").value.toLowerCase().split(/\s+/).filter(Boolean), suite = $("suite").value, verdict = $("verdict").value;
    shown = cells.filter((c, i) => (!suite || c.s === suite) && (!verdict || c.v === verdict) && wanted.every(w => words[i].includes(w)));
    drawn = 0;
    $("matrix").replaceChildren();
    more();
    $("count").textContent = shown.length + " of " + cells.length + " rows";
  }
  for (const id of ["search", "suite", "verdict"]) $(id).addEventListener("input", filter);
  $("filter").addEventListener("submit", e => e.preventDefault());
  filter();
})();
