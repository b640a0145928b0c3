"""Draws gltf.jpg: a head of `aubench retarget --export out.glb` by three.js, in a chromium without a window.

    npm pack three@0.187.0 && tar xf three-0.187.0.tgz      # makes package/
    python docs/figures/gltf.py out.glb --three package

The first row is set by hand, the second shows the animation at the seconds of --times.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import cv2

BY_HAND: tuple[dict[str, float], ...] = (
    {}, {"AU12": 1, "AU06": 1}, {"AU26": 0.7, "AU25": 1}, {"AU04": 1, "AU07": 0.5}, {"AU01": 1, "AU02": 1, "AU05": 0.8},
    {"yaw": 35, "pitch": 8},
)  # fmt: skip
WIDTH, HEIGHT = 240, 300
PAGE = """<!doctype html><meta charset="utf-8"><style>body { margin: 0; overflow: hidden }</style>
<script type="importmap">{"imports": {"three": "/three/build/three.module.js", "three/addons/": "/three/examples/jsm/"}}
</script><script type="module">
import * as THREE from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';
import { RoomEnvironment } from 'three/addons/environments/RoomEnvironment.js';
const { cells, columns, width, height } = SETTINGS, rows = Math.ceil(cells.length / columns);
const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
renderer.toneMapping = THREE.NeutralToneMapping;
renderer.setSize(columns * width, rows * height);
renderer.setScissorTest(true);
document.body.append(renderer.domElement);
const scene = new THREE.Scene();
scene.background = new THREE.Color('#d9dde3');
scene.environment = new THREE.PMREMGenerator(renderer).fromScene(new RoomEnvironment(), 0.04).texture;
scene.environmentIntensity = 0.75;
const lamp = new THREE.DirectionalLight('#fff4e6', 1.1);
lamp.position.set(-0.5, 0.6, 1);
const camera = new THREE.PerspectiveCamera(24, width / height, 0.05, 10);
camera.position.set(0, -0.01, 0.85);
const { scene: head, animations } = await new GLTFLoader().loadAsync('/head.glb');
scene.add(lamp, head);
const meshes = [], joint = head.getObjectByName('head'), mixer = new THREE.AnimationMixer(head);
head.traverse((object) => { object.frustumCulled = false; if (object.morphTargetInfluences) meshes.push(object); });
const radians = (degrees) => THREE.MathUtils.degToRad(degrees ?? 0);
cells.forEach((cell, number) => {
  if ('time' in cell) {
    mixer.clipAction(animations[0]).play();
    mixer.setTime(cell.time);
  } else {
    joint.rotation.set(radians(cell.pitch), radians(cell.yaw), 0, 'ZYX');
    for (const mesh of meshes)
      for (const [name, place] of Object.entries(mesh.morphTargetDictionary))
        mesh.morphTargetInfluences[place] = cell[name] ?? 0;
  }
  const left = (number % columns) * width, bottom = (rows - 1 - Math.floor(number / columns)) * height;
  renderer.setViewport(left, bottom, width, height);
  renderer.setScissor(left, bottom, width, height);
  renderer.render(scene, camera);
});
</script>"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--three", type=Path, required=True, help="the unpacked npm package three")
    parser.add_argument("--times", default="1,4,8,11,13,17", help="seconds of the animation")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("gltf.jpg"))
    parser.add_argument("--chromium", default="chromium", help="the browser's command")
    args = parser.parse_args()
    cells = [*BY_HAND, *({"time": float(second)} for second in args.times.split(","))]
    settings = {"cells": cells, "columns": len(BY_HAND), "width": WIDTH, "height": HEIGHT}
    high = -(-len(cells) // len(BY_HAND)) * HEIGHT
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "page.html").write_text(PAGE.replace("SETTINGS", json.dumps(settings)), encoding="utf-8")
        (root / "three").symlink_to(args.three.resolve())
        shutil.copy(args.file, root / "head.glb")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        picture = root / "shot.png"
        subprocess.run(
            [*args.chromium.split(), "--headless=new", "--no-sandbox", "--use-angle=swiftshader",
             "--enable-unsafe-swiftshader", "--hide-scrollbars", f"--user-data-dir={root / 'profile'}",
             f"--window-size={WIDTH * len(BY_HAND)},{high + 150}", "--virtual-time-budget=60000",
             f"--screenshot={picture}", f"http://127.0.0.1:{server.server_port}/page.html"],
            check=True, capture_output=True,
        )  # fmt: skip
        server.shutdown()
        shown = cv2.imread(str(picture))[:high, : WIDTH * len(BY_HAND)]
    if shown.std() < 5:
        raise SystemExit("chromium showed nothing; call again when the machine is less busy")
    cv2.imwrite(str(args.out), shown, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
