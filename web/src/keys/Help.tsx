import { useEffect, useRef } from "preact/hooks";
import type { Desk } from "../desk";
import { FLAGS } from "../chart/marks";
import { BINDINGS } from "./keys";

export function Help({ desk }: { desk: Desk }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = desk.view.help.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const close = () => {
    desk.view.help.value = false;
  };
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-label="Keys"
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <div>
        <h2>Keys</h2>
        <dl>
          {BINDINGS.map(({ shown, does }) => (
            <div key={shown}>
              <dt>
                <kbd>{shown}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <p>
          All times are Indian time. A price that came more than five seconds ago is grey and shows
          its age. Shaded candles: the feed was away, or the closing auction.
        </p>
        <h2>Marks of candles</h2>
        <dl class="marks">
          {Object.entries(FLAGS).map(([flag, means]) => (
            <div key={flag}>
              <dt>{flag}</dt>
              <dd>{means}</dd>
            </div>
          ))}
        </dl>
        <p class="notice-text">
          Charts: TradingView Lightweight Charts™, Copyright © 2026 TradingView, Inc.{" "}
          <a href="https://www.tradingview.com/" target="_blank" rel="noopener noreferrer">
            www.tradingview.com
          </a>
          . <a href="./licenses.txt">Licences of all parts</a>
        </p>
        <button type="button" autofocus onClick={close}>
          Close
        </button>
      </div>
    </dialog>
  );
}
