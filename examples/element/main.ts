/** The page around the element: digits to try. */
import type { ConvletClassifier } from "./convlet-classifier.ts";

const classifier = document.querySelector<ConvletClassifier>("convlet-classifier")!;

for (let digit = 0; digit < 10; digit++) {
  const picture = document.createElement("img");
  picture.src = `../models/digit-${digit}.png`;
  picture.alt = `A handwritten ${digit}`;
  const button = document.createElement("button");
  button.type = "button";
  button.append(picture);
  button.addEventListener("click", async () => classifier.open(await (await fetch(picture.src)).blob()));
  document.getElementById("samples")!.append(button);
}
