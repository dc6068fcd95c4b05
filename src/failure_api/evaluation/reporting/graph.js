// Draws one round: agents, and the links between them.
const graph = (() => {
  "use strict";
  const AGES = [0, 1, 3, 7];
  const ageClass = (age) => { const at = AGES.findIndex((most) => age <= most); return at < 0 ? 4 : at; };

  // Fits a canvas to its place on the screen and returns what to draw with.
  function prepare(canvas) {
    const { width, height } = canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return { pen, width, height };
  }

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const named = (name) => style.getPropertyValue(name).trim();
    return {
      ink: named("--ink"), muted: named("--muted"), panel: named("--panel"), line: named("--line"),
      grid: named("--grid"), accent: named("--accent"), font: getComputedStyle(document.body).fontFamily,
      ages: [0, 1, 2, 3, 4].map((index) => named(`--age-${index}`)),
    };
  }

  // The same scale in both directions, with room for a node and its name at the edges.
  function projection(bounds, width, height) {
    const room = 46;
    const [left, bottom, right, top] = bounds;
    const scale = Math.min(
      (width - 2 * room) / Math.max(right - left, 1e-9), (height - 2 * room) / Math.max(top - bottom, 1e-9));
    return ([x, y]) => [
      width / 2 + (x - (left + right) / 2) * scale, height / 2 - (y - (bottom + top) / 2) * scale];
  }

  function drawLink(pen, from, to, radius, look) {
    const dx = to[0] - from[0], dy = to[1] - from[1], length = Math.hypot(dx, dy);
    if (length < 1) return;
    const ux = dx / length, uy = dy / length;
    // To the left of its direction, so that there and back lie on either side.
    const bend = Math.min(0.16 * length, 30), gap = Math.min(radius + 3, length / 2.2);
    const control = [(from[0] + to[0]) / 2 + uy * bend, (from[1] + to[1]) / 2 - ux * bend];
    const toward = (point, distance) => {
      const cx = control[0] - point[0], cy = control[1] - point[1], away = Math.hypot(cx, cy) || 1;
      return [point[0] + (cx / away) * distance, point[1] + (cy / away) * distance];
    };
    const start = toward(from, gap), end = toward(to, gap);
    pen.globalAlpha = look.alpha;
    pen.strokeStyle = pen.fillStyle = look.colour;
    pen.lineWidth = look.width;
    pen.setLineDash(look.dash);
    pen.beginPath();
    pen.moveTo(...start);
    pen.quadraticCurveTo(...control, ...end);
    pen.stroke();
    pen.setLineDash([]);
    if (look.head) {
      const angle = Math.atan2(end[1] - control[1], end[0] - control[0]);
      const wing = (turn) => [end[0] - look.head * Math.cos(angle + turn), end[1] - look.head * Math.sin(angle + turn)];
      pen.beginPath();
      pen.moveTo(...end);
      pen.lineTo(...wing(0.42));
      pen.lineTo(...wing(-0.42));
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (look.text) {
      const at = 0.66, rest = 1 - at;
      const spot = [0, 1].map((i) => rest * rest * start[i] + 2 * rest * at * control[i] + at * at * end[i]);
      write(pen, look.text, spot[0], spot[1] + 4, look.colour, look.panel);
    }
  }

  function write(pen, text, x, y, colour, halo) {
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeStyle = halo;
    pen.strokeText(text, x, y);
    pen.fillStyle = colour;
    pen.fillText(text, x, y);
  }

  // Says on which side of an agent its name covers nobody.
  function isAboveNearest(spots, index) {
    const [x, y] = spots[index];
    const others = spots.filter((spot, other) => spot && other !== index);
    const far = (spot) => Math.hypot(spot[0] - x, spot[1] - y);
    const nearest = others.reduce((best, spot) => (best && far(best) <= far(spot) ? best : spot), null);
    return nearest !== null && y < nearest[1] - 1;
  }

  function drawTrail(pen, spots, look) {
    pen.strokeStyle = look.muted;
    pen.lineWidth = 1.5;
    pen.globalAlpha = 0.35;
    pen.beginPath();
    spots.forEach((spot) => pen.lineTo(...spot));
    pen.stroke();
    pen.globalAlpha = 1;
  }

  function drawAgent(pen, [x, y], radius, agent, look) {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fillStyle = agent.alive ? look.ink : look.grid;
    pen.strokeStyle = agent.alive ? look.panel : look.muted;
    pen.lineWidth = 1.5;
    pen.fill();
    pen.stroke();
    if (!agent.alive) {
      const arm = radius * 0.45;
      pen.beginPath();
      pen.moveTo(x - arm, y - arm); pen.lineTo(x + arm, y + arm);
      pen.moveTo(x + arm, y - arm); pen.lineTo(x - arm, y + arm);
      pen.stroke();
    } else if (radius >= 8) {
      pen.fillStyle = look.panel;
      pen.font = `600 ${Math.round(radius * 0.95)}px ${look.font}`;
      pen.fillText(String(agent.index), x, y + radius * 0.34);
    }
  }

  // frame: agents [{name, index, alive, point}], links [{from, to, up, age, text}],
  // trails of points, receiver or null, up: how many links are.
  function draw(canvas, frame, bounds) {
    const { pen, width, height } = prepare(canvas), look = colours();
    const place = projection(bounds, width, height), count = frame.agents.length;
    const spots = frame.agents.map((agent) => agent.point && place(agent.point));
    const focused = frame.receiver !== null, crowded = count > 30 && !focused;
    const radius = count <= 12 ? (width < 450 ? 11 : 13) : count <= 40 ? 9 : 5;
    // The more links, the fainter each.
    const faint = Math.min(0.5, Math.max(0.04, 250 / frame.up));
    const width_ = crowded ? 0.7 : count > 12 ? 1.3 : 2.2;
    pen.textAlign = "center";
    if (count <= 12) frame.trails.forEach((trail) => drawTrail(pen, trail.map(place), look));
    pen.font = `600 12px ${look.font}`;
    for (const pass of [false, true]) {
      for (const link of frame.links) {
        if (link.up !== pass || !spots[link.from] || !spots[link.to]) continue;
        if (!link.up && crowded) continue;
        drawLink(pen, spots[link.from], spots[link.to], radius, {
          colour: look.ages[ageClass(link.age)], panel: look.panel,
          alpha: link.up ? (crowded ? faint : count > 12 && !focused ? 0.55 : 1) : count > 12 ? 0.16 : 0.5,
          width: link.up ? width_ : 0.6 * width_, dash: link.up ? [] : [3, 4],
          head: crowded ? 0 : count > 12 ? 6 : 9, text: count <= 6 && link.age > 0 ? link.text : "",
        });
      }
    }
    frame.agents.forEach((agent, index) => {
      if (spots[index]) drawAgent(pen, spots[index], radius, agent, look);
    });
    pen.font = `12px ${look.font}`;
    frame.agents.forEach((agent, index) => {
      if (!spots[index] || count > 12) return;
      const name = agent.name.length > 18 ? `${agent.name.slice(0, 17)}…` : agent.name;
      const half = pen.measureText(name).width / 2 + 4;
      const x = Math.min(Math.max(spots[index][0], half), width - half);
      const y = spots[index][1] + (isAboveNearest(spots, index) ? -radius - 7 : radius + 15);
      write(pen, name, x, y, agent.alive ? look.ink : look.muted, look.panel);
    });
  }

  // The team's reward so far, beside that under perfect communication.
  function drawStrip(canvas, rewards, perfect, round, range, rounds) {
    const { pen, width, height } = prepare(canvas), look = colours();
    const [low, high] = range, span = high - low || 1;
    const x = (index) => 5 + ((width - 10) * index) / Math.max(rounds, 1);
    const y = (value) => height - 6 - ((height - 12) * (value - low)) / span;
    const line = (values, colour, wide, dash) => {
      pen.strokeStyle = colour; pen.lineWidth = wide; pen.setLineDash(dash);
      pen.beginPath();
      values.forEach((value, index) => pen.lineTo(x(index), y(value)));
      pen.stroke();
      pen.setLineDash([]);
    };
    pen.strokeStyle = look.line; pen.lineWidth = 1;
    pen.beginPath(); pen.moveTo(x(round), 0); pen.lineTo(x(round), height); pen.stroke();
    if (perfect) line(perfect, look.muted, 1.5, [5, 4]);
    line(rewards, look.accent, 2, []);
    pen.fillStyle = look.accent;
    pen.beginPath(); pen.arc(x(round), y(rewards[round]), 4, 0, 2 * Math.PI); pen.fill();
  }

  return { draw, drawStrip };
})();
