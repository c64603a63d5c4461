package dev.holdfast.cache.client;

import java.util.concurrent.CompletableFuture;

/** A caller that waits for a flight; whoever completes it first decides what the caller is told. */
final class Waiter<K, V> extends CompletableFuture<Outcome<V>> {
    private final Request<K, V> request;

    Waiter(Request<K, V> request) {
        this.request = request;
    }

    Request<K, V> request() {
        return request;
    }
}
