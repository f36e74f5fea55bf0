// Two maps over one view: pixels of files on the plane of the first of them, no projection on the way.
import Map from "ol/Map.js";
import View from "ol/View.js";
import Feature from "ol/Feature.js";
import Point from "ol/geom/Point.js";
import { fromExtent } from "ol/geom/Polygon.js";
import TileLayer from "ol/layer/Tile.js";
import VectorLayer from "ol/layer/Vector.js";
import Projection from "ol/proj/Projection.js";
import VectorSource from "ol/source/Vector.js";
import XYZ from "ol/source/XYZ.js";
import { Circle, Stroke, Style } from "ol/style.js";
import TileGrid from "ol/tilegrid/TileGrid.js";
import ScaleLine from "ol/control/ScaleLine.js";
import { getRenderPixel } from "ol/render.js";
import { isEmpty } from "ol/extent.js";
import "ol/ol.css";

const UNITS = { m: "m", degrees: "degrees" };

function padded(extent, share) {
  const side = share * Math.max(extent[2] - extent[0], extent[3] - extent[1]);
  return [extent[0] - side, extent[1] - side, extent[2] + side, extent[3] + side];
}

export class Maps {
  constructor(scene, state, heard) {
    this.scene = scene;
    this.state = state;
    const cells = scene.layers.map((one) => Math.min(...one.pixel));
    this.projection = new Projection({
      code: "earthloom",
      units: UNITS[scene.unit] ?? "pixels",
      metersPerUnit: scene.unit === "m" ? 1 : undefined,
      extent: scene.extent,
    });
    this.view = new View({
      projection: this.projection,
      center: state.centre ?? [(scene.extent[0] + scene.extent[2]) / 2, (scene.extent[1] + scene.extent[3]) / 2],
      resolution: state.cell ?? 1,
      minResolution: Math.min(...cells) / 32,
      maxResolution: Math.max(scene.extent[2] - scene.extent[0], scene.extent[3] - scene.extent[1]) / 64,
      extent: padded(scene.extent, 1),
      enableRotation: false,
      smoothExtentConstraint: false,
    });
    this.marks = new VectorSource();
    this.sides = ["left", "right"].map((id) => this.side(document.getElementById(id), heard));
    this.sides[0].b.on("prerender", (event) => this.clip(event));
    this.sides[0].b.on("postrender", (event) => event.context.restore());
    this.view.on(["change:center", "change:resolution"], () => heard.moved(this.view.getCenter(), this.view.getResolution()));
  }

  side(target, heard) {
    const [a, b, over] = [0, 1, 2].map(() => new TileLayer({ preload: 0, cacheSize: 128 }));
    const marks = new VectorLayer({
      source: this.marks,
      style: (feature) =>
        feature.get("block")
          ? [new Style({ stroke: new Stroke({ color: "#000", width: 4 }) }), new Style({ stroke: new Stroke({ color: "#ffd34d", width: 2 }) })]
          : new Style({ image: new Circle({ radius: 6, stroke: new Stroke({ color: "#fff", width: 2.5 }) }) }),
    });
    const map = new Map({
      target,
      view: this.view,
      layers: [a, b, over, marks],
      controls: this.scene.unit === "m" && target.id === "left" ? [new ScaleLine()] : [],
      keyboardEventTarget: target,
    });
    map.on("singleclick", (event) => heard.clicked(event.coordinate));
    map.on("pointermove", (event) => event.dragging || heard.hovered(event.coordinate));
    return { map, target, a, b, over };
  }

  // B is drawn right of the line alone.
  clip(event) {
    const { context } = event;
    context.save();
    if (this.state.mode !== "swipe") return;
    const [width, height] = this.sides[0].map.getSize();
    const x = width * this.state.swipe;
    const corners = [[x, 0], [width, 0], [width, height], [x, height]].map((at) => getRenderPixel(event, at));
    context.beginPath();
    corners.forEach(([cx, cy], at) => (at ? context.lineTo(cx, cy) : context.moveTo(cx, cy)));
    context.closePath();
    context.clip();
  }

  source(number, url, known) {
    if (known?.get("url") === url) return known;
    const about = this.scene.layers[number];
    const cell = Math.min(...about.pixel);
    const source = new XYZ({
      projection: this.projection,
      url,
      interpolate: false,
      transition: 0,
      tileGrid: new TileGrid({
        extent: about.extent,
        origin: [about.extent[0], about.extent[3]],
        resolutions: Array.from({ length: about.depth + 1 }, (_, z) => cell * 2 ** (about.depth - z)),
        tileSize: 256,
      }),
      wrapX: false,
    });
    source.set("url", url);
    return source;
  }

  // urls: {a, b, over}, each [number, url] or null
  show(urls, flickered) {
    const { mode, blend, opacity } = this.state;
    const visible = {
      a: !["b"].includes(mode) && !(mode === "flicker" && flickered),
      b: ["b", "swipe", "blend"].includes(mode) || (mode === "flicker" && flickered),
    };
    this.sides.forEach((side, at) => {
      const own = at === 0 ? visible : { a: false, b: mode === "side" };
      for (const key of ["a", "b", "over"]) {
        const layer = side[key];
        const wanted = urls[key];
        const on = Boolean(wanted) && (key === "over" ? at === 0 || mode === "side" : own[key]);
        layer.setVisible(on);
        if (wanted && (on || (at === 0 && mode === "flicker"))) {
          const source = this.source(...wanted, layer.getSource());
          if (source !== layer.getSource()) layer.setSource(source);
        }
      }
      side.b.setOpacity(mode === "blend" ? blend : 1);
      side.over.setOpacity(opacity);
    });
    const two = mode === "side";
    if (this.sides[1].target.hidden === two) {
      this.sides[1].target.hidden = !two;
      this.sides.forEach((side) => side.map.updateSize());
    }
  }

  // Once all tiles of the window are there.
  drawn(act) {
    this.sides[0].map.once("rendercomplete", act);
    this.render();
  }

  render() {
    this.sides[0].map.render();
  }

  resize() {
    this.sides.forEach((side) => side.map.updateSize());
  }

  fit(extent) {
    if (!isEmpty(extent)) this.view.fit(extent, { size: this.sides[0].map.getSize(), padding: [24, 24, 24, 24] });
  }

  mark(point, block) {
    this.marks.clear();
    if (point) this.marks.addFeature(new Feature(new Point(point)));
    if (block) {
      const feature = new Feature(fromExtent(block));
      feature.set("block", true);
      this.marks.addFeature(feature);
    }
  }
}
