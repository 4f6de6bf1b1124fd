/** What stands inside the element. */

export const TEMPLATE = `
<div id="stage">
  <canvas id="paper" width="320" height="320" tabindex="0"
    aria-label="Paper: draw by mouse, finger or arrow keys; with Shift the arrow keys move the pen without drawing"></canvas>
  <p id="hint" aria-hidden="true">Draw here,<br>or drop a picture</p>
</div>
<div id="side">
  <p id="status" role="status">No model yet.</p>
  <ol id="answers" aria-label="Answers"></ol>
  <div id="tools">
    <label id="pick"><input id="file" type="file" accept="image/*">Choose a picture …</label>
    <button id="clear" type="button">Clear</button>
  </div>
</div>
`;

export const STYLE = `
:host { display: flex; flex-wrap: wrap; gap: 1.5rem; font: inherit; --bar: var(--accent, #1c5d99); }
* { box-sizing: border-box; }
:host([hidden]), #hint[hidden] { display: none; }
#stage { position: relative; flex: 0 1 20rem; aspect-ratio: 1; border: 1px solid #8d897f; border-radius: 10px; background: #fffdf6; overflow: hidden; }
#stage.over { outline: 3px dashed var(--bar); outline-offset: 2px; }
#stage:has(:focus-visible) { outline: 3px solid var(--bar); outline-offset: 2px; }
#paper { display: block; width: 100%; height: 100%; touch-action: none; cursor: crosshair; outline: none; }
#hint:not([hidden]) { position: absolute; inset: 0; display: grid; place-content: center; margin: 0; color: #6a665e; text-align: center; pointer-events: none; }
#side { display: flex; flex: 1 1 14rem; flex-direction: column; gap: 1rem; min-width: 0; }
#status { margin: 0; overflow-wrap: anywhere; opacity: 0.8; }
#status.seen { font-size: 2.2rem; font-weight: 600; line-height: 1.1; opacity: 1; }
#status.bad { padding-left: 0.8rem; border-left: 4px solid var(--bad, #a8322a); opacity: 1; }
#answers { display: grid; grid-template-columns: fit-content(45%) 1fr 3.5rem; gap: 0.5rem 0.8rem; margin: 0; padding: 0; list-style: none; }
#answers li { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; align-items: center; overflow-wrap: anywhere; }
#answers div { height: 0.7rem; border-radius: 4px; background: linear-gradient(var(--bar) 0 0) 0 0 / calc(100% * var(--share)) 100% no-repeat,
  color-mix(in srgb, currentColor 12%, transparent); }
#answers span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
@media (forced-colors: active) { #answers div { forced-color-adjust: none; } }
#tools { display: flex; flex-wrap: wrap; gap: 0.6rem; margin-top: auto; }
button, #pick { display: inline-flex; align-items: center; min-height: 2.5rem; padding: 0.4rem 0.95rem; border: 1px solid color-mix(in srgb, currentColor 60%, transparent); border-radius: 8px;
  background: none; color: inherit; font: inherit; cursor: pointer; }
#file { position: absolute; width: 1px; height: 1px; opacity: 0; }
:is(button:focus-visible, #pick:has(:focus-visible)) { outline: 3px solid var(--bar); outline-offset: 2px; }
`;
