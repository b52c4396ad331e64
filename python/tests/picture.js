// picture.js PAGE — run the script of a picture on a stub of the DOM, use it as a hand would, and print what came of it as JSON.
"use strict";
const fs = require("fs");

class Element {
  constructor(name) {
    Object.assign(this, { name, attributes: {}, children: [], style: {}, handlers: {}, classes: new Set(), offsetWidth: 10, offsetHeight: 10 });
    this.classList = {
      toggle: (c, on) => (on ? this.classes.add(c) : this.classes.delete(c)),
      add: c => this.classes.add(c),
      remove: c => this.classes.delete(c),
    };
  }
  setAttribute(key, value) {
    if (/NaN|undefined/.test(value)) throw new Error(`${key} is ${value}`);
    this.attributes[key] = String(value);
  }
  appendChild(child) { this.children.push(child); return child; }
  append(...children) { this.children.push(...children); }
  addEventListener(type, handler) { (this.handlers[type] ||= []).push(handler); }
  setPointerCapture() {}
  fire(type, event) {
    for (const handler of this.handlers[type] || [])
      handler({ stopPropagation() {}, preventDefault() {}, clientX: 10, clientY: 10, pointerId: 1, ...event });
  }
}

const elements = {};
global.document = {
  getElementById: id => (elements[id] ||= new Element(id)),
  createElementNS: (_, name) => new Element(name),
  createElement: name => new Element(name),
};
let resize;
Object.assign(global, { innerWidth: 0, innerHeight: 0 }); // as in a cell that is not shown yet
global.ResizeObserver = class {
  constructor(handler) { resize = handler; }
  observe() { resize(); }
};
new Function(fs.readFileSync(process.argv[2], "utf8").match(/<script>([\s\S]*)<\/script>/)[1])();

const { picture, world, tip, legend } = elements;
const [edges, nodes] = world.children;
const hidden = world.attributes.transform;
Object.assign(global, { innerWidth: 800, innerHeight: 400 });
resize();
const shown = hidden === undefined && !/scale\(0\)/.test(world.attributes.transform);
const more = () => nodes.children.filter(node => node.classes.has("more")).length;
const seen = { nodes: nodes.children.length, edges: edges.children.length, more: more(), shown, legend: legend.children.length };

function press(element) {
  element.fire("pointerdown");
  picture.fire("pointerup");
}
const ada = nodes.children.find(node => node.children[1].textContent === "Ada");
ada.fire("pointerenter");
ada.fire("pointermove");
seen.tip = tip.textContent;
press(ada);
press(ada);
picture.fire("dblclick");
Object.assign(seen, { expanded_nodes: nodes.children.length, expanded_edges: edges.children.length, still_more: more() });

const placed = ada.attributes.transform;
ada.fire("pointerdown");
picture.fire("pointermove", { clientX: 50, clientY: 60 });
picture.fire("pointerup");
seen.dragged = ada.attributes.transform !== placed;
picture.fire("pointermove", { clientX: 500, clientY: 60 }); // nothing is held any more
let view = world.attributes.transform;
picture.fire("pointerdown");
picture.fire("pointermove", { clientX: 50, clientY: 60 });
picture.fire("pointerup");
seen.moved = world.attributes.transform !== view && ada.attributes.transform !== placed;
view = world.attributes.transform;
picture.fire("wheel", { deltaY: -100 });
seen.zoomed = world.attributes.transform !== view;
view = world.attributes.transform;
press(picture);
picture.fire("dblclick");
seen.fitted = world.attributes.transform !== view;
view = world.attributes.transform;
innerWidth = 400;
resize();
seen.resized = world.attributes.transform !== view;
picture.fire("wheel", { deltaY: -100 });
view = world.attributes.transform;
innerWidth = 800;
resize();
seen.kept = world.attributes.transform === view;
console.log(JSON.stringify(seen));
