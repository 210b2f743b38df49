// Elements with a text that look like none before, on this page or an earlier one of the same tab: with any other ancestor,
// class, colour, size or place of stacking they would be of another kind. Contrast is the same within a kind.
() => {
  const LOOKS = ["color", "backgroundColor", "backgroundImage", "opacity", "fontSize", "fontWeight", "textShadow", "filter",
    "mixBlendMode", "position", "zIndex", "visibility", "display"];
  const number = text => { sessionStorage[text] ??= sessionStorage.length; return sessionStorage[text]; };
  const numbers = new Map([[null, ""]]);
  const kind = element => {
    if (!numbers.has(element)) {
      const style = getComputedStyle(element);
      const own = [element.tagName, element.getAttribute("class"), element.matches(":disabled, [aria-disabled]"), ...LOOKS.map(name => style[name])];
      numbers.set(element, number([kind(element.parentElement), ...own].join("|")));
    }
    return numbers.get(element);
  };
  const own = element => [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data.trim()).join("");
  const isNew = element => {
    const length = element.matches("input, select, textarea, button") ? 2 : Math.min(own(element).length, 2);
    if (!length || !element.checkVisibility() || !element.getClientRects().length) return false;
    const look = `${length} of ${kind(element)}`, known = look in sessionStorage;
    number(look);
    return !known;
  };
  return [...document.body.querySelectorAll("*")].filter(isNew);
}
