// What the pages do beside htmx: the plot, local times, the state of the live connection, and two buttons.
"use strict";

(() => {
  const COLOURS = ["#4c6ef5", "#12b886", "#f59f00", "#e64980", "#7950f2", "#15aabf", "#868e96"];
  let chart = null;
  let measure = "runs";

  // --- the plot ---

  function draw() {
    const canvas = document.getElementById("chart");
    if (!canvas || typeof Chart === "undefined") return;
    const given = JSON.parse(canvas.dataset.chart);
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--pico-muted-color").trim() || "#888";
    const rule = style.getPropertyValue("--pico-muted-border-color").trim() || "#ddd";
    const datasets = given.series.map((one, index) => ({
      label: one.agent.length > 40 ? one.agent.slice(0, 39) + "…" : one.agent,
      data: one[measure],
      backgroundColor: COLOURS[index % COLOURS.length],
      borderRadius: 3,
      maxBarThickness: 36,
    }));
    const labels = given.buckets.map((bucket) => label(bucket, given.unit));
    // The canvas may outlive a change of the page, and a page that one comes back to may have another one.
    const drawn = Chart.getChart(canvas);
    if (drawn) {
      chart = drawn;
      chart.data = { labels, datasets };
      chart.update("none");
    } else {
      if (chart && chart.canvas) chart.destroy();
      chart = new Chart(canvas, {
        type: "bar",
        data: { labels, datasets },
        options: {
          animation: false,
          maintainAspectRatio: false,
          interaction: { mode: "index", intersect: false },
          plugins: { legend: { position: "bottom", labels: { color: ink, boxWidth: 12, boxHeight: 12 } } },
          scales: {
            x: { stacked: true, grid: { display: false }, ticks: { color: ink, maxRotation: 0, autoSkipPadding: 16 } },
            y: { stacked: true, beginAtZero: true, grid: { color: rule }, ticks: { color: ink, precision: 0 } },
          },
        },
      });
    }
    for (const button of document.querySelectorAll("[data-measure]")) {
      button.setAttribute("aria-pressed", String(button.dataset.measure === measure));
    }
  }

  // Buckets are in UTC; minutes and hours are shown in the reader's own time, as the times in the table are.
  function label(bucket, unit) {
    if (unit === "minute") return clock(new Date(bucket + ":00Z"));
    if (unit === "hour") {
      const moment = new Date(bucket + ":00:00Z");
      return isNaN(moment) ? bucket : `${two(moment.getDate())}.${two(moment.getMonth() + 1)}. ${clock(moment)}`;
    }
    return bucket;
  }

  // --- times ---

  const two = (number) => String(number).padStart(2, "0");
  const clock = (moment) => (isNaN(moment) ? "" : `${two(moment.getHours())}:${two(moment.getMinutes())}`);

  function localTimes(root) {
    for (const time of root.querySelectorAll("time[datetime], time[data-seconds]")) {
      const moment = new Date(time.dataset.seconds ? Number(time.dataset.seconds) * 1000 : time.dateTime);
      if (isNaN(moment)) continue;
      const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
      const isToday = new Date().toDateString() === moment.toDateString();
      const text = `${isToday ? "" : day + " "}${clock(moment)}:${two(moment.getSeconds())}`;
      if (time.textContent !== text) time.textContent = text;
      time.title = moment.toString();
    }
  }

  // --- the live connection ---

  function say(text, isGood) {
    const live = document.getElementById("live");
    if (!live) return;
    live.textContent = text;
    live.classList.toggle("good", isGood);
  }

  document.addEventListener("htmx:sse:after:connection", (event) => event.target.id === "live" && say("live", true));
  document.addEventListener("htmx:sse:error", (event) => event.target.id === "live" && say("not connected", false));
  document.addEventListener("htmx:sse:close", (event) => event.target.id === "live" && say("not connected", false));

  // --- after each change of the page ---

  function refresh() {
    localTimes(document);
    draw();
    const events = document.getElementById("events");
    if (events && !events.matches(":hover, :focus")) events.scrollTop = events.scrollHeight;
  }

  document.addEventListener("htmx:after:swap", refresh);
  document.addEventListener("DOMContentLoaded", refresh);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (chart) chart.destroy();
    chart = null;
    draw();
  });

  // --- buttons and keys ---

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.measure) {
      measure = button.dataset.measure;
      draw();
    } else if (button.dataset.toggle) {
      const form = document.getElementById(button.dataset.toggle);
      form.hidden = !form.hidden;
      button.setAttribute("aria-expanded", String(!form.hidden));
      if (!form.hidden) form.querySelector("input:not([type=hidden])").focus();
    } else if ("dismiss" in button.dataset) {
      document.getElementById("notice").replaceChildren();
    }
  });

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select");
    if (event.key === "/" && !isTyping && document.getElementById("text")) {
      event.preventDefault();
      document.getElementById("text").focus();
    }
    if (event.key === "Escape") {
      const form = document.getElementById("new-task");
      if (form && !form.hidden) document.querySelector("[data-toggle=new-task]").click();
    }
  });
})();
