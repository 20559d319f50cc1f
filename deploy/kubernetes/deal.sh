#!/bin/sh
# deal.sh FOLDER    make the firm's keys in FOLDER, once, and hand the cluster each process's own as a Secret
# FOLDER then holds every key of the firm: keep it, out of reach, and use it again to rotate or to add an agent.
set -eu
folder=${1:?usage: deal.sh FOLDER}
cd "$(dirname "$0")/../.."
namespace=boardroom

BOARDROOM_BUS__TRANSPORT=tcp BOARDROOM_BUS__REDIS_URL=redis://redis:6379/0 BOARDROOM_BUS__REDIS_AUTH=acl \
    boardroom prepare --config configs --run-dir "$folder/firm" --deal "$folder/deal"

apply() { kubectl -n $namespace create "$@" --dry-run=client -o yaml | kubectl apply -f -; }
kubectl create namespace $namespace --dry-run=client -o yaml | kubectl apply -f -
apply configmap configs --from-file=configs
apply secret generic redis-acl --from-file="$folder/deal/redis/redis.acl"
for keys in "$folder"/deal/*/keys; do
    name=$(basename "$(dirname "$keys")" | tr _ -)
    apply secret generic "$name-keys" --from-file="$keys"
done
