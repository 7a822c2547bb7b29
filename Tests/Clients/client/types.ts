// Compiled, never run: what users write has its types, and what is wrong is found (`@ts-expect-error` fails where it isn't).

import { Client, SluiceError, backoff, connect, reconnectsAfter } from "../../../Sources/Gateway/Demo/client.js";
import type { Gap, Options, State, Subscription, SluiceEvent, Transport } from "../../../Sources/Gateway/Demo/client.js";

interface Order { total: number }

const options: Options = {
  transport: "auto", getToken: async () => "token", minimumDelay: 500, credentials: "include",
  onState: (state: State, { code, retryInMilliseconds }) => console.log(state, code?.toFixed(), retryInMilliseconds?.toFixed()),
  onGap: ({ topic, from, to, diverged }: Gap) => console.log(topic, from + to, diverged === true),
  onError: ({ code, topic, mayBeStored }: SluiceError) => console.log(code.length, topic?.length, mayBeStored),
};
const sluice: Client = connect("https://gateway.example.org/ws", options);
connect(new URL("https://gateway.example.org"));
connect(options);
connect({ WebSocket, fetch });
connect();

const orders: Subscription = sluice.subscribe<Order>("orders/42", (event: SluiceEvent<Order>) => console.log(event.data.total + event.sequence), {
  after: 17, epoch: "e", onGap: (gap) => console.log(gap.to - gap.from),
});
const position: number | undefined = orders.sequence, transport: Transport = sluice.transport;
orders.ready.then(() => orders.unsubscribe());
sluice.publish("orders/42", { total: 3 }).then(({ sequence }) => sequence + (position ?? 0));
sluice.publish("orders/42", "AAEC", { contentType: "image/png", encoding: "base64" });
sluice.close();
console.log(transport, reconnectsAfter(1006) && backoff(1, 500, 30_000) > 0);

// @ts-expect-error no such transport
connect({ transport: "carrier pigeon" });
// @ts-expect-error data may be anything, so it must be looked at first
sluice.subscribe("t", (event) => event.data.total);
// @ts-expect-error a topic is text
sluice.publish(42, {});
// @ts-expect-error only the client says where it is
orders.sequence = 3;
// @ts-expect-error the state is the client's
sluice.state = "open";
