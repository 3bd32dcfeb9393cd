// From a table, a chart or the address to the voxels that are meant, and back.

const SLICE_KEY = /^slice-(\d+)$/;

const behaviour = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");

class Jumps {
  constructor(view, frame) {
    this.view = view;
    this.frame = frame;
    this.stage = frame.querySelector("#viewer-stage");
    this.backButton = frame.querySelector("[data-do=back]");
    this.origin = null;
    this.targets = new Map(view.data.targets.map((target) => [target.key, target]));
    this.lesions = view.data.targets.filter((target) => target.layer === "lesion");
  }

  find(key) {
    const slice = SLICE_KEY.exec(key);
    if (slice && Number(slice[1]) < this.view.data.slices) {
      return { key, name: "", layer: "", values: [], slice_index: Number(slice[1]) };
    }
    return this.targets.get(key);
  }

  to(key) {
    const target = this.find(key);
    if (target) {
      this.view.show(target);
      history.replaceState(null, "", `#${key}`);
    }
    return Boolean(target);
  }

  // From elsewhere on the page: the viewer comes into sight, and knows the way back.
  comeTo(key, origin = null) {
    if (this.to(key)) {
      this.origin = origin ?? this.origin;
      this.backButton.hidden = !this.origin;
      this.frame.scrollIntoView({ behavior: behaviour(), block: "start" });
      this.stage.focus({ preventScroll: true });
    }
  }

  back() {
    if (this.origin) {
      // Cells take no focus; left in the viewer it would turn slices out of sight.
      if (this.origin.tabIndex < 0) {
        this.origin.tabIndex = -1;
      }
      this.origin.scrollIntoView({ behavior: behaviour(), block: "center" });
      this.origin.focus({ preventScroll: true });
      this.origin = null;
      this.backButton.hidden = true;
    }
  }

  end() {
    this.view.target = null;
    this.view.changed();
  }

  lesion(step) {
    const count = this.lesions.length;
    if (count) {
      const now = this.lesions.findIndex((target) => target.key === this.view.target?.key);
      const next = now < 0 ? (step > 0 ? 0 : count - 1) : (now + step + count) % count;
      this.to(this.lesions[next].key);
    }
  }

  listen() {
    for (const element of document.querySelectorAll("button[data-jump]")) {
      element.disabled = !this.find(element.dataset.jump);
    }
    document.addEventListener("click", (event) => {
      const from = event.target.closest("[data-jump]");
      // Who selects the number of a cell wants to copy it.
      if (from && (from.matches("button") || getSelection().isCollapsed)) {
        this.comeTo(from.dataset.jump, from.querySelector("button[data-jump]") ?? from);
      }
    });
    document.addEventListener("keydown", (event) => {
      const from = event.target.closest("[data-jump][role=button]");
      if (from && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        this.comeTo(from.dataset.jump, from);
      }
    });
    const follow = () => this.comeTo(location.hash.slice(1));
    addEventListener("hashchange", follow);
    follow();
  }
}
