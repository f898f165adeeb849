#!/usr/bin/env bash
# Sells a dataset on a local network, and tries to get at it without paying. Leaves nothing running.
set -euo pipefail

seller=user-0 buyer=user-1 late=user-2 stranger=user-3
as() { local who=$1; shift; walrus --account "$who" "$@"; }
# What follows a label in the output of a command.
value() { sed -n "s/^$1: //p"; }
# A command that has to be denied by the policy, and to leave no file.
denied() {
  if "$@" --out denied.csv 2>denied.txt; then echo "this should have been denied: $*" >&2; exit 1; fi
  grep -q 'access denied by the policy' denied.txt
  test ! -e denied.csv
}

walrus-localnet up --detach --nodes 1 --shards 4 --with seal >network.txt
trap 'walrus-localnet down' EXIT

echo '== the seller publishes'
seq 1 20000 | awk '{ print $1 "," $1 * $1 }' >data.csv
offer=$(as $seller policy new market --title 'squares' --price 2WAL | value Policy)
blob=$(as $seller store --encrypt data.csv --policy "$offer" --epochs 2 | value 'Blob ID')
echo "offer $offer, blob $blob"

echo '== what everybody can fetch is not the data'
as $stranger read "$blob" --out public.bin
if grep -q '20000,400000000' public.bin; then exit 1; fi

echo '== who has not bought cannot read; who buys can'
denied as $buyer read --decrypt "$blob"
as $buyer policy buy "$offer"
as $buyer read --decrypt "$blob" --out bought.csv
cmp data.csv bought.csv
denied as $stranger read --decrypt "$blob"

echo '== a new price is what the next one pays'
as $seller policy price "$offer" 5WAL
as $buyer read --decrypt "$blob" --out again.csv
cmp data.csv again.csv
test "$(as $late policy buy "$offer")" = 'Paid 5 WAL'
as $late read --decrypt "$blob" --out late.csv
cmp data.csv late.csv
if as $buyer policy price "$offer" 1WAL 2>not-theirs.txt; then exit 1; fi

echo '== a subscription reads, and ends'
service=$(as $seller policy new subscription --price 1WAL --period 7d | value Policy)
report() { echo "report of week $1" >"week-$1.csv"; as $seller store --encrypt "week-$1.csv" --policy "$service" --epochs 2 | value 'Blob ID'; }
first=$(report 1)
subscription=$(as $buyer policy buy "$service" | value Subscription)
as $buyer read --decrypt "$first" --out read-1.csv
cmp week-1.csv read-1.csv
as $seller policy revoke "$service" "$subscription"
second=$(report 2)
if as $buyer read --decrypt "$second" --out read-2.csv 2>ended.txt; then exit 1; fi
test ! -e read-2.csv

echo '== done'
