// Makes the pages quicker; all of them work without it.
"use strict";

const japanese = document.documentElement.lang === "ja";
const say = (ja, en) => (japanese ? ja : en);
const WAIT = 10_000; // milliseconds until an answer is given up

async function get(address) {
  const response = await fetch(address, { signal: AbortSignal.timeout(WAIT) });
  if (response.status >= 500) throw new Error(response.statusText);
  return response;
}

// What goes on, told at the foot of the window; `again` is what a link there does.
function tell(text, again) {
  document.querySelector(".state")?.remove();
  if (!text) return;
  const state = document.createElement("p");
  state.className = "state";
  state.role = "status";
  state.textContent = text;
  if (again) {
    const link = document.createElement("a");
    link.href = again.address;
    link.textContent = say("もう一度試す", "Try again");
    link.addEventListener("click", (event) => {
      event.preventDefault();
      again.run();
    });
    state.append(" ", link);
  }
  document.body.append(state);
}

// Shows another page in place of this one, without losing the place of the keyboard.
let latest = 0;
async function show(address, push) {
  const mine = ++latest;
  const slow = setTimeout(() => tell(say("読み込み中", "Loading")), 400);
  try {
    const response = await get(address);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (mine !== latest) return;
    const focused = document.activeElement?.id;
    const yen = document.getElementById("yen")?.checked;
    const open = document.querySelector(".filters")?.open;
    for (const part of ["main", ".languages", "title"]) {
      document.querySelector(part).replaceWith(page.querySelector(part));
    }
    if (push) history.pushState(null, "", address);
    if (document.getElementById("yen")) document.getElementById("yen").checked = yen;
    if (document.querySelector(".filters")) document.querySelector(".filters").open = open;
    prepare(document.querySelector("main"));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    tell();
  } catch {
    if (mine === latest) tell(say("答えが得られない。", "No answer."), { address, run: () => show(address, push) });
  } finally {
    clearTimeout(slow);
  }
}

function submit(form) {
  const sent = [...new FormData(form)].filter(([, value]) => value !== "");
  const query = new URLSearchParams(sent).toString();
  return show(query ? `${form.action}?${query}` : form.action, true);
}

// What somebody types in a field is completed from the API's suggestions.
function complete(input) {
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.id = `${input.id}-suggestions`;
  list.role = "listbox";
  list.ariaLabel = say("入力候補", "Suggestions");
  list.hidden = true;
  input.after(list);
  input.role = "combobox";
  input.setAttribute("aria-controls", list.id);
  input.ariaExpanded = "false";
  input.setAttribute("aria-autocomplete", "list");
  let timer;
  let chosen = -1;

  const close = () => {
    list.hidden = true;
    chosen = -1;
    input.ariaExpanded = "false";
    input.removeAttribute("aria-activedescendant");
  };
  const take = (item) => {
    if (item.dataset.value) {
      input.value = item.dataset.value;
      close();
      input.form.requestSubmit();
    } else {
      location.assign(item.dataset.path);
    }
  };
  const suggest = async () => {
    const query = new URLSearchParams({ q: input.value, limit: 8 });
    if (input.dataset.parameter) query.set("parameter", input.dataset.parameter);
    const asked = input.value;
    try {
      const response = await get(`${input.dataset.suggest}?${query}`);
      if (!response.ok || asked !== input.value) return;
      const { data } = await response.json();
      const language = new URLSearchParams(location.search).get("lang");
      list.replaceChildren(
        ...data.map((each, place) => {
          const item = document.createElement("li");
          item.id = `${list.id}-${place}`;
          item.role = "option";
          item.textContent = each.label[japanese ? "ja" : "en"];
          if (input.dataset.parameter) item.dataset.value = each.value;
          const path = each.path.replace("/v1/", "/");
          item.dataset.path = language ? `${path}${path.includes("?") ? "&" : "?"}lang=${language}` : path;
          item.addEventListener("mousedown", (event) => event.preventDefault());
          item.addEventListener("click", () => take(item));
          return item;
        }),
      );
      list.hidden = !data.length;
      chosen = -1;
      input.ariaExpanded = String(!list.hidden);
    } catch {
      close(); // the form answers without suggestions
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    if (input.value.trim()) timer = setTimeout(suggest, 150);
    else close();
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const items = [...list.children];
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && chosen >= 0) take(items[chosen]);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : items.length - (chosen < 0 ? 0 : 1))) % items.length;
      items.forEach((item, place) => (item.ariaSelected = String(place === chosen)));
      items[chosen].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", items[chosen].id);
    } else return;
    event.preventDefault();
  });
}

function prepare(part) {
  for (const form of part.querySelectorAll("form[data-quick]")) {
    form.addEventListener("change", (event) => {
      if (event.target.form === form) submit(form);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(form);
    });
  }
  for (const input of part.querySelectorAll("input[data-suggest]")) complete(input);
  for (const pre of part.querySelectorAll("pre[data-origin]")) {
    const code = pre.querySelector("code");
    code.textContent = code.textContent.replaceAll(pre.dataset.origin, location.origin);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = say("写す", "Copy");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      tell(say("写した", "Copied"));
      setTimeout(tell, 2000);
    });
    pre.append(button);
  }
}

prepare(document);
addEventListener("popstate", () => {
  // A fragment alone leads within the page.
  if (document.querySelector("form[data-quick]")) show(location.href, false);
});
