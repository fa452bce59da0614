"""A customer's first steps by the client of openapi-python-client, against the service at WALLET_URL."""

import importlib
import os
import pkgutil
from uuid import uuid4

import wallet_client
from wallet_client import AuthenticatedClient, Client
from wallet_client.api.start import init_wallet
from wallet_client.api.wallet import (
    create_deposit,
    create_transfer,
    create_withdrawal,
    enable_wallet,
    get_transaction,
    list_transactions,
)
from wallet_client.models import (
    EnabledWallet,
    Fail,
    FailDataCode,
    InitRequest,
    DepositRequest,
    MoneyRequest,
    OwnTransferRequest,
    TransactionType,
)

URL = os.environ["WALLET_URL"]


def customer() -> tuple[AuthenticatedClient, EnabledWallet]:
    opened = init_wallet.sync(client=Client(URL), body=InitRequest(customer_xid=uuid4()))
    client = AuthenticatedClient(URL, token=opened.data.token)
    return client, enable_wallet.sync(client=client).data.wallet


for module in pkgutil.walk_packages(wallet_client.__path__, "wallet_client."):
    importlib.import_module(module.name)

(sender, _), (_, receiver) = customer(), customer()

money = DepositRequest(amount=10_000, reference_id=uuid4())
deposit = create_deposit.sync(client=sender, body=money, idempotency_key=str(uuid4())).data.deposit
assert deposit.balance == 10_000 and deposit.id is not None, deposit

order = OwnTransferRequest(recipient=receiver.id, amount=1_000, reference_id=uuid4(), note=None)
preview = create_transfer.sync_detailed(client=sender, body=order, dry_run=True)
assert preview.status_code == 200 and preview.parsed.data.transfer.id is None, preview
order.note = "Lunch"
transfer = create_transfer.sync(client=sender, body=order).data.transfer
assert (transfer.fee, transfer.balance, transfer.note) == (15, 8_985, "Lunch"), transfer


def counterparty(transaction):
    found = get_transaction.sync(transaction, client=sender, min_wallet_version=transfer.version)
    return found.data.transaction.counterparty


assert counterparty(transfer.id).wallet_id == receiver.id
assert counterparty(deposit.id) is None

page = list_transactions.sync(client=sender, limit=1).data
assert [line.type_ for line in page.transactions] == [TransactionType.TRANSFER_OUT], page
rest = list_transactions.sync(client=sender, after=page.page.next_).data
assert [line.type_ for line in rest.transactions] == [TransactionType.DEPOSIT], rest

refused = create_withdrawal.sync(client=sender, body=MoneyRequest(amount=1_000_000, reference_id=uuid4()))
assert isinstance(refused, Fail) and refused.data.code == FailDataCode.INSUFFICIENT_FUNDS, refused
