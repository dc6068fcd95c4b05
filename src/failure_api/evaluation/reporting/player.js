// The player: which curve, severity and round are shown, and how they are moved through.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("player-data").textContent);
  if (!data.curves) return;
  const at = (id) => document.getElementById(id);
  const curveBox = at("curve"), severityBar = at("severity"), roundBar = at("round");
  const receiverBox = at("receiver"), playButton = at("play"), stage = at("stage"), status = at("status");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  // The letters of links that were lost, by age, and then of those on which a message arrived.
  const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%()*+,-";
  const PACE = 350, GLIDE = 220, OLDEST = 35, CIRCLE = [-1, -1, 1, 1];
  let timer = 0, shown = null, gliding = 0;

  const curve = () => data.curves[curveBox.value];
  const shot = () => curve().shots[severityBar.value];
  const recordingOf = (one) => data.recordings[one.recording];
  const lastOf = (recording) => recording.links.length - 1;
  const scales = data.curves.map(scaleOf);

  // One scale for all that a curve shows, so that neither round nor severity moves the ground.
  function scaleOf({ shots }) {
    const recordings = shots.map(recordingOf);
    const points = recordings.flatMap((one) => (one.positions || []).flat()).filter(Boolean);
    const rewards = recordings.flatMap((one) => one.reward);
    const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
    const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
    let bounds = CIRCLE;
    if (points.length) {
      const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
      bounds = [least(xs), least(ys), most(xs), most(ys)];
      if (bounds[0] === bounds[2] && bounds[1] === bounds[3]) bounds = [bounds[0] - 1, bounds[1] - 1, bounds[2] + 1, bounds[3] + 1];
    }
    const range = [least(rewards), most(rewards)];
    const size = Math.max(Math.abs(range[0]), Math.abs(range[1]));
    const decimals = size > 0 ? Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(size)))) : 0;
    return { bounds, range, decimals, rounds: most(recordings.map(lastOf)) };
  }

  function pointsOf(recording, round) {
    const count = recording.agents.length;
    if (!recording.positions) {
      return recording.agents.map((_, index) => {
        const angle = Math.PI / 2 - (2 * Math.PI * index) / count;
        return count === 1 ? [0, 0] : [Math.cos(angle), Math.sin(angle)];
      });
    }
    return recording.agents.map((_, index) => {
      // An agent that is gone stays where it was seen last.
      for (let back = round; back >= 0; back--) {
        const point = recording.positions[back] && recording.positions[back][index];
        if (point) return point;
      }
      return null;
    });
  }

  function frameOf(recording, round) {
    const count = recording.agents.length, alive = recording.alive[round];
    const receiver = receiverBox.value === "" ? null : Number(receiverBox.value);
    const links = [];
    let up = 0, pairs = 0;
    for (let from = 0; from < count; from++) {
      for (let to = 0; to < count; to++) {
        if (from === to || alive[from] !== "1" || alive[to] !== "1") continue;
        const letter = LETTERS.indexOf(recording.links[round][from * count + to]);
        const arrived = letter > OLDEST, age = arrived ? letter - OLDEST - 1 : letter;
        pairs += 1;
        up += arrived;
        if (receiver !== null && to !== receiver) continue;
        links.push({ from, to, up: arrived, age, text: age < OLDEST ? String(age) : `${OLDEST}+` });
      }
    }
    const agents = recording.agents.map((name, index) => ({ name, index, alive: alive[index] === "1" }));
    const trails = agents.map((_, index) => (recording.positions || []).slice(0, round + 1)
      .map((points) => points[index]).filter(Boolean));
    return { agents, links, trails, receiver, up, pairs };
  }

  function number(value, decimals) {
    const text = Math.abs(value) >= 1e9 || decimals >= 8
      ? value.toExponential(2)
      : value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    return text.replace("-", "−");
  }

  function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function show() {
    const one = shot(), recording = recordingOf(one), scale = scales[curveBox.value];
    const last = lastOf(recording), round = Math.min(roundBar.value, last);
    const frame = frameOf(recording, round), age = recording.mean_age[round];
    let text = `round ${round} of ${last}, ${frame.up} of ${frame.pairs} links up`;
    if (age !== null) text += `, mean age ${age.toFixed(1)}`;
    if (round === last && roundBar.value > last) text += recording.ended ? "; the episode has ended" : "; the recording ends here";
    say(status, text);
    say(at("severity-text"), one.at);
    say(at("round-text"), `${round} of ${last}`);
    severityBar.setAttribute("aria-valuetext", one.at);
    roundBar.setAttribute("aria-valuetext", `${round} of ${last}`);
    at("hidden-lost").hidden = recording.agents.length <= 30 || frame.receiver !== null;
    const perfect = curve().perfect === null ? null : recordingOf(curve().shots[curve().perfect]).reward;
    const reward = document.createElement("b");
    reward.textContent = number(recording.reward[round], scale.decimals);
    at("reward").replaceChildren("Team’s reward so far ", reward);
    if (perfect && round < perfect.length && one !== curve().shots[curve().perfect]) {
      at("reward").append(`; under perfect communication ${number(perfect[round], scale.decimals)} (dashed)`);
    }
    graph.drawStrip(at("strip"), recording.reward, perfect, round, scale.range, scale.rounds);
    paint(frame, pointsOf(recording, round), scale.bounds);
  }

  // Lets agents glide to where they are now, unless the reader wants no motion.
  function paint(frame, points, bounds) {
    cancelAnimationFrame(gliding);
    const from = shown && shown.length === points.length && !still.matches ? shown : points;
    const began = performance.now();
    const step = (now) => {
      const share = from === points ? 1 : Math.min(1, (now - began) / GLIDE), eased = share * (2 - share);
      shown = points.map((point, index) => {
        const old = from[index];
        return point && old ? point.map((value, axis) => old[axis] + (value - old[axis]) * eased) : point;
      });
      frame.agents.forEach((agent, index) => { agent.point = shown[index]; });
      graph.draw(at("graph"), frame, bounds);
      if (share < 1) gliding = requestAnimationFrame(step);
    };
    step(began);
  }

  function fillReceivers() {
    const { agents } = recordingOf(shot()), chosen = receiverBox.value;
    const options = [new Option("everyone", ""), ...agents.map((name, index) => new Option(name, index))];
    receiverBox.replaceChildren(...options);
    receiverBox.value = chosen !== "" && chosen < agents.length ? chosen : "";
  }

  function enterCurve() {
    const wanted = severityBar.value;
    severityBar.max = curve().shots.length - 1;
    severityBar.value = wanted;
    roundBar.max = scales[curveBox.value].rounds;
    shown = null;
    fillReceivers();
    show();
  }

  function pause() {
    clearInterval(timer);
    timer = 0;
    playButton.textContent = "Play";
    // Read out every round of a running player, and nobody could follow.
    status.setAttribute("aria-live", "polite");
  }

  function toggle() {
    if (timer) return pause();
    if (roundBar.value >= lastOf(recordingOf(shot()))) roundBar.value = 0;
    playButton.textContent = "Pause";
    status.setAttribute("aria-live", "off");
    timer = setInterval(() => {
      move(roundBar, 1);
      if (roundBar.value >= lastOf(recordingOf(shot()))) pause();
    }, PACE);
    show();
  }

  function move(bar, by) {
    bar.value = Number(bar.value) + by;
    show();
  }

  const KEYS = {
    ArrowLeft: () => move(roundBar, -1), ArrowRight: () => move(roundBar, 1),
    ArrowUp: () => { move(severityBar, 1); fillReceivers(); }, ArrowDown: () => { move(severityBar, -1); fillReceivers(); },
    Home: () => move(roundBar, -1e6), End: () => move(roundBar, 1e6), " ": toggle,
  };
  stage.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  data.curves.forEach((one, index) => curveBox.add(new Option(one.label, index)));
  curveBox.addEventListener("change", enterCurve);
  severityBar.addEventListener("input", () => { fillReceivers(); show(); });
  roundBar.addEventListener("input", show);
  receiverBox.addEventListener("change", show);
  playButton.addEventListener("click", toggle);
  new ResizeObserver(() => { shown = null; show(); }).observe(stage);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  severityBar.max = curve().shots.length - 1;
  severityBar.value = Math.floor(curve().shots.length / 2);
  enterCurve();
})();
