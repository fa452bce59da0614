// A customer's first steps by the client of openapi-generator, against the service at WALLET_URL.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	wallet "example.org/wallet/walletclient"
)

var api = func() *wallet.APIClient {
	configuration := wallet.NewConfiguration()
	configuration.Servers = wallet.ServerConfigurations{{URL: os.Getenv("WALLET_URL")}}
	return wallet.NewAPIClient(configuration)
}()

// must ends the process, which is the whole test, at the first surprise.
func must(is bool, what ...any) {
	if !is {
		fmt.Fprintln(os.Stderr, what...)
		os.Exit(1)
	}
}

func uuid() string {
	var b [16]byte
	_, err := rand.Read(b[:])
	must(err == nil, err)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func customer() (context.Context, wallet.EnabledWallet) {
	background := context.Background()
	opened, _, err := api.StartAPI.InitWallet(background).InitRequest(*wallet.NewInitRequest(uuid())).Execute()
	must(err == nil, "init", err)
	ctx := context.WithValue(background, wallet.ContextAccessToken, opened.Data.Token)
	enabled, _, err := api.WalletAPI.EnableWallet(ctx).Execute()
	must(err == nil, "enable", err)
	return ctx, enabled.Data.Wallet
}

func main() {
	sender, _ := customer()
	_, receiver := customer()

	money := *wallet.NewDepositRequest(10_000, uuid())
	deposited, _, err := api.WalletAPI.CreateDeposit(sender).DepositRequest(money).IdempotencyKey(uuid()).Execute()
	must(err == nil, "deposit", err)
	deposit := deposited.Data.Deposit
	must(deposit.Balance == 10_000 && deposit.Id.Get() != nil, "deposit", deposit)

	order := *wallet.NewOwnTransferRequest(receiver.Id, 1_000, uuid())
	order.SetNoteNil()
	preview, answer, err := api.WalletAPI.CreateTransfer(sender).OwnTransferRequest(order).DryRun(true).Execute()
	must(err == nil && answer.StatusCode == 200, "dry run", err)
	must(preview.Data.Transfer.Id.Get() == nil, "dry run", preview)
	order.SetNote("Lunch")
	transferred, _, err := api.WalletAPI.CreateTransfer(sender).OwnTransferRequest(order).Execute()
	must(err == nil, "transfer", err)
	transfer := transferred.Data.Transfer
	must(transfer.Fee == 15 && transfer.Balance == 8_985 && *transfer.Note.Get() == "Lunch", "transfer", transfer)

	counterparty := func(id string) *wallet.Counterparty {
		found, _, err := api.WalletAPI.GetTransaction(sender, id).MinWalletVersion(transfer.Version).Execute()
		must(err == nil, "transaction", err)
		return found.Data.Transaction.Counterparty.Get()
	}
	must(counterparty(*transfer.Id.Get()).WalletId == receiver.Id, "counterparty of the transfer")
	must(counterparty(*deposit.Id.Get()) == nil, "counterparty of the deposit")

	page, _, err := api.WalletAPI.ListTransactions(sender).Limit(1).Execute()
	must(err == nil && page.Data.Transactions[0].Type == wallet.TRANSFER_OUT, "page", err)
	rest, _, err := api.WalletAPI.ListTransactions(sender).After(*page.Data.Page.Next.Get()).Execute()
	must(err == nil && len(rest.Data.Transactions) == 1, "page", err)
	must(rest.Data.Transactions[0].Type == wallet.DEPOSIT, "page", rest)

	tooMuch := *wallet.NewMoneyRequest(1_000_000, uuid())
	_, _, err = api.WalletAPI.CreateWithdrawal(sender).MoneyRequest(tooMuch).Execute()
	var refused *wallet.GenericOpenAPIError
	must(errors.As(err, &refused), "withdrawal", err)
	fail, is := refused.Model().(wallet.Fail)
	must(is && fail.Data.Code == "insufficient_funds", "withdrawal", refused)
}
