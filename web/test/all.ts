import "./format.test";
import "./stream.test";
import "./clock.test";
import "./chart.test";
import "./watch.test";
