import { render } from "preact";
import { Desk } from "./desk";
import { Page } from "./page";
import { markIcon } from "./source/source";
import "./style/base.css";
import "./style/layout.css";
import "./style/watch.css";
import "./style/chart.css";
import "./style/panels.css";

const place = document.getElementById("page");
if (!place) throw new Error("index.html: expected an element with id page");
const desk = new Desk();
desk.start();
markIcon(desk);
render(<Page desk={desk} />, place);
