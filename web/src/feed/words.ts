/** What the words of the feed panel mean, for those who do not know them yet. */
export const MEANINGS = {
  age: "Since the newest tick of any instrument came, in market time",
  rate: "Ticks a second, over the last five",
  newest: "Number of the newest record handed to the journal, the day's tape",
  acknowledged: "Up to this record everything is safe on disk",
  backlog: "Received, but not on disk yet",
  gaps: "Minute bars during which the feed was away, and over how many instruments they lie",
  lowerMode: "Ticks from before the feed switched to the wanted mode; nothing is lost by them",
  seen: "How many of the captured instruments have had a tick today",
  ticks: "Ticks that came into candles and quotes today",
  final: "Minute candles that are over; amended ones were changed by a later snapshot",
  lag: "From the exchange's time stamp to the arrival here",
  last: "When the newest tick came",
  running: "How long this firki has been running, and the memory it takes",
} as const;

/** Why ticks changed nothing, by the words of the health document. */
export const REFUSALS: Readonly<Record<string, string>> = {
  unknown_token: "Ticks of instruments that are not captured today",
  no_price: "Ticks whose last price is 0",
  price_range: "Ticks with a price too large to be one",
  future: "Ticks stamped more than an hour after they arrived",
  no_time: "Ticks without the time that they must carry",
  other_date: "Ticks of another day",
  inconsistent: "Ticks whose last price lies outside their own day's range",
};
