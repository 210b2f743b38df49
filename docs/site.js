// Wide tables scroll; the keyboard has to reach them. Material wraps them after a page is there, and changes pages without a load.
const reach = () => document.querySelectorAll(".md-typeset__scrollwrap").forEach((wide) => { wide.tabIndex = 0; });
document$.subscribe(() => { reach(); setTimeout(reach, 0); });
