// A customer's first steps by the client of openapi-typescript and openapi-fetch, against the service at WALLET_URL.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const baseUrl = process.env["WALLET_URL"];
assert(baseUrl, "WALLET_URL is not set");

async function customer() {
  const open = createClient<paths>({ baseUrl: baseUrl as string });
  const { data, error } = await open.POST("/api/v1/init", { body: { customer_xid: randomUUID() } });
  assert(data, JSON.stringify(error));
  const headers = { Authorization: `Bearer ${data.data.token}` };
  const client = createClient<paths>({ baseUrl: baseUrl as string, headers });
  const enabled = await client.POST("/api/v1/wallet", {});
  assert(enabled.data, JSON.stringify(enabled.error));
  return { client, wallet: enabled.data.data.wallet };
}

const sender = await customer();
const receiver = await customer();

const deposit = await sender.client.POST("/api/v1/wallet/deposits", {
  params: { header: { "Idempotency-Key": randomUUID() } },
  body: { amount: 10_000, reference_id: randomUUID() },
});
assert(deposit.data, JSON.stringify(deposit.error));
assert.equal(deposit.data.data.deposit.balance, 10_000);
const depositId: string | null = deposit.data.data.deposit.id;
assert(depositId);

const order = { recipient: receiver.wallet.id, amount: 1_000, reference_id: randomUUID() };
const preview = await sender.client.POST("/api/v1/wallet/transfers", {
  params: { query: { dry_run: true } },
  body: { ...order, note: null },
});
assert(preview.data, JSON.stringify(preview.error));
assert.equal(preview.response.status, 200);
assert.equal(preview.data.data.transfer.id, null);

const transfer = await sender.client.POST("/api/v1/wallet/transfers", { body: { ...order, note: "Lunch" } });
assert(transfer.data, JSON.stringify(transfer.error));
const { id, fee, balance, note } = transfer.data.data.transfer;
assert.deepEqual({ fee, balance, note }, { fee: 15, balance: 8_985, note: "Lunch" });
assert(id);

const version = transfer.data.data.transfer.version;
const counterparty = async (id: string): Promise<string | undefined> => {
  const found = await sender.client.GET("/api/v1/wallet/transactions/{id}", {
    params: { path: { id }, header: { "Min-Wallet-Version": version } },
  });
  assert(found.data, JSON.stringify(found.error));
  return found.data.data.transaction.counterparty?.wallet_id;
};
assert.equal(await counterparty(id), receiver.wallet.id);
assert.equal(await counterparty(depositId), undefined);

const page = await sender.client.GET("/api/v1/wallet/transactions", { params: { query: { limit: 1 } } });
assert.equal(page.data?.data.transactions[0]?.type, "transfer_out");
const after = page.data?.data.page.next;
assert(after);
const rest = await sender.client.GET("/api/v1/wallet/transactions", { params: { query: { after } } });
assert.deepEqual(rest.data?.data.transactions.map(({ type }) => type), ["deposit"]);

const refused = await sender.client.POST("/api/v1/wallet/withdrawals", {
  body: { amount: 1_000_000, reference_id: randomUUID() },
});
assert(refused.error && refused.error.status === "fail");
assert.equal(refused.error.data.code, "insufficient_funds");
