// Wide tables and formulas scroll; the keyboard has to reach them. Material wraps tables after a page is there, and changes pages without a load.
const reach = () => {
  document.querySelectorAll(".md-typeset__scrollwrap").forEach((wide) => { wide.tabIndex = 0; });
  document.querySelectorAll(".formula, .wide").forEach((wide) => {
    wide.removeAttribute("tabindex");
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
  });
};
document$.subscribe(() => { reach(); setTimeout(reach, 0); });
window.addEventListener("resize", reach);
