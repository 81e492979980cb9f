"use strict";
(() => {
  const search = document.getElementById("search");
  const chips = [...document.querySelectorAll("[data-filter]")];
  const groups = [...document.querySelectorAll(".group")];
  const shown = document.getElementById("shown");
  if (!search) return;
  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const off = new Set(chips.filter((c) => c.getAttribute("aria-pressed") === "false").map((c) => c.dataset.filter));
    let visible = 0, all = 0;
    for (const group of groups) {
      let any = 0;
      for (const card of group.querySelectorAll(".card")) {
        const fits = !off.has(group.dataset.class) && words.every((word) => card.dataset.search.includes(word));
        card.hidden = !fits;
        any += fits;
        all += 1;
      }
      group.hidden = any === 0;
      visible += any;
    }
    shown.textContent = visible === all ? "" : `${visible.toLocaleString("en")} of ${all.toLocaleString("en")} changes`;
  };
  search.addEventListener("input", update);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") === "true" ? "false" : "true");
      update();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      search.blur();
      update();
    }
  });
})();
