"use strict";
(() => {
  const NEAREST = 8;
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  /* Themes: as the system, light, dark; nothing is stored. */
  const theme = document.getElementById("theme");
  const themes = [["", "as the system"], ["light", "light"], ["dark", "dark"]];
  let chosen = 0;
  theme.hidden = false;
  theme.addEventListener("click", () => {
    chosen = (chosen + 1) % themes.length;
    const [name, words] = themes[chosen];
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    theme.textContent = `Theme: ${words}`;
  });

  /* One card: a picture pair with a seam, and panels that share one zoom. */
  function enliven(card) {
    const compare = card.querySelector(".compare");
    const stage = card.querySelector(".stage");
    const slider = card.querySelector(".slider");
    const strips = card.querySelector(".strips");
    const panels = [...card.querySelectorAll(".panel")];
    const [under, over] = ["under", "over"].map((name) => card.querySelector(`.${name} img`));
    const [left, right] = ["left", "right"].map((name) => card.querySelector(`select.${name}`));
    let zoom = 1, x = 0, y = 0;

    for (const select of [left, right]) {
      for (const panel of panels) select.add(new Option(panel.dataset.method, panel.dataset.method));
    }
    const last = (kind) => panels.filter((panel) => panel.dataset.kind === kind);
    const recipes = last("recipe");
    const scale = recipes.length ? recipes[recipes.length - 1].dataset.method.split(" ")[0] : "";
    const at = (found) => found.find((panel) => panel.dataset.method.startsWith(`${scale} `)) || found[0];
    left.value = (at(last("bicubic")) || at(last("recipe")) || panels[0]).dataset.method;
    right.value = (at(recipes) || panels[panels.length - 1]).dataset.method;

    function show(select, picture) {
      const panel = panels.find((each) => each.dataset.method === select.value);
      const source = panel.querySelector("img");
      picture.src = source.src;
      picture.alt = source.alt;
    }
    function showBoth() {
      show(left, over);
      show(right, under);
    }
    function divide() {
      stage.style.setProperty("--seam", `${slider.value}%`);
      slider.setAttribute("aria-valuetext", `${slider.value}% ${left.value}, the rest ${right.value}`);
    }
    function look() {
      x = clamp(x, -(zoom - 1) * 100, 0);
      y = clamp(y, -(zoom - 1) * 100, 0);
      card.style.setProperty("--zoom", zoom);
      card.style.setProperty("--x", x);
      card.style.setProperty("--y", y);
      card.classList.toggle("zoomed", zoom > 1);
      card.querySelector("output").textContent = `${Number(zoom.toFixed(1))}×`;
    }
    /* Zooms about a place given in parts of the panel. */
    function zoomTo(wanted, across = 0.5, down = 0.5) {
      const next = clamp(wanted, 1, NEAREST);
      x = across * 100 - ((across * 100 - x) / zoom) * next;
      y = down * 100 - ((down * 100 - y) / zoom) * next;
      zoom = next;
      look();
    }
    function placeIn(element, event) {
      const box = element.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    }

    /* A pointer drags the seam or moves panels; two pinch. */
    function follow(element, drag) {
      const pointers = new Map();
      element.addEventListener("pointerdown", (event) => {
        if (event.button > 0) return;
        pointers.set(event.pointerId, event);
        element.setPointerCapture(event.pointerId);
        if (pointers.size === 1) drag(event, null);
      });
      element.addEventListener("pointermove", (event) => {
        const before = pointers.get(event.pointerId);
        if (!before) return;
        if (pointers.size === 1) drag(event, before);
        else {
          const other = [...pointers.values()].find((each) => each.pointerId !== event.pointerId);
          const apart = (each) => Math.hypot(each.clientX - other.clientX, each.clientY - other.clientY);
          const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
          zoomTo(zoom * (apart(event) / Math.max(apart(before), 1)), ...placeIn(element, middle));
        }
        pointers.set(event.pointerId, event);
      });
      for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
        element.addEventListener(kind, (event) => pointers.delete(event.pointerId));
      }
      element.addEventListener("wheel", (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        zoomTo(zoom * Math.exp(-event.deltaY / 200), ...placeIn(element, event));
      }, { passive: false });
    }
    follow(stage, (event) => {
      slider.value = Math.round(clamp(placeIn(stage, event)[0], 0, 1) * 100);
      divide();
    });
    for (const frame of card.querySelectorAll(".window")) {
      follow(frame, (event, before) => {
        if (!before || zoom === 1) return;
        const box = frame.getBoundingClientRect();
        x += ((event.clientX - before.clientX) / box.width) * 100;
        y += ((event.clientY - before.clientY) / box.height) * 100;
        look();
      });
    }

    slider.addEventListener("input", divide);
    for (const select of [left, right]) {
      select.addEventListener("change", () => {
        showBoth();
        divide();
      });
    }
    const steps = { in: () => zoomTo(zoom * 1.5), out: () => zoomTo(zoom / 1.5), whole: () => zoomTo(1) };
    for (const button of card.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", steps[button.dataset.zoom]);
    }
    strips.tabIndex = 0;
    strips.setAttribute("role", "group");
    strips.setAttribute("aria-label", strips.dataset.label);
    strips.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [20, 0], ArrowRight: [-20, 0], ArrowUp: [0, 20], ArrowDown: [0, -20] };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "+" || event.key === "=") steps.in();
      else if (event.key === "-") steps.out();
      else if (event.key === "0") steps.whole();
      else if (moves[event.key] && zoom > 1) {
        x += moves[event.key][0];
        y += moves[event.key][1];
        look();
      } else return;
      event.preventDefault();
    });

    const first = panels[panels.length - 1].querySelector("img");
    const shape = () => stage.style.setProperty("--shape", `${first.naturalWidth || 1} / ${first.naturalHeight || 1}`);
    if (first.complete) shape();
    else first.addEventListener("load", shape);
    compare.hidden = false;
    showBoth();
    divide();
    look();
  }

  const cards = [...document.querySelectorAll(".card")];
  cards.forEach(enliven);

  /* What is chosen for all cards together. */
  if (cards.length) {
    const list = document.getElementById("cards");
    const order = document.getElementById("order");
    const number = (card, name) => Number(card.dataset[name]);
    const orders = {
      turn: (a, b) => number(a, "turn") - number(b, "turn"),
      worst: (a, b) => number(a, "rank") - number(b, "rank"),
      best: (a, b) => number(b, "rank") - number(a, "rank"),
      name: (a, b) => (a.dataset.name < b.dataset.name ? -1 : 1),
    };
    order.addEventListener("change", () => list.append(...[...cards].sort(orders[order.value])));
    for (const side of ["left", "right"]) {
      const all = document.getElementById(`all-${side}`);
      const own = cards.map((card) => card.querySelector(`select.${side}`));
      for (const option of own[0].options) all.add(new Option(option.text, option.value));
      all.value = own[0].value;
      all.addEventListener("change", () => {
        for (const select of own) {
          if (![...select.options].some((option) => option.value === all.value)) continue;
          select.value = all.value;
          select.dispatchEvent(new Event("change"));
        }
      });
    }
    document.querySelector(".global").hidden = false;
  }

  /* On paper everything is open; what the reader had closed is closed again after. */
  const closed = [];
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details:not([open])")) {
      each.open = true;
      closed.push(each);
    }
  });
  addEventListener("afterprint", () => {
    for (const each of closed.splice(0)) each.open = false;
  });
})();
