package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.internal.ForeignText;
import org.jspecify.annotations.Nullable;

/**
 * What one caller asks to be loaded.
 *
 * @param last what the store held when the caller looked, readable; {@code null} if nothing or unknown
 * @param seen what the store held when the caller looked, whether it can be read or not; {@code null} if nothing or unknown
 * @param stamp {@link Flights#stamp} before the caller looked
 * @param refresh whether a fresh entry does not end it
 */
@SuppressWarnings("ArrayRecordComponent") // entries that nobody changes, and requests are not compared
record Request<K, V>(
        K key,
        String storeKey,
        CacheLoader<? super K, V> loader,
        CachePolicy policy,
        byte @Nullable [] last,
        byte @Nullable [] seen,
        int stamp,
        boolean refresh) {

    /** The key as messages show it. */
    String shownKey() {
        return ForeignText.shown(storeKey);
    }

    /** The same after another look at the store. */
    Request<K, V> withLook(byte @Nullable [] newLast, byte @Nullable [] newSeen) {
        return new Request<>(key, storeKey, loader, policy, newLast, newSeen, stamp, refresh);
    }

    /** The same to be loaded though this entry is fresh. */
    Request<K, V> toRefresh(byte[] fresh) {
        return new Request<>(key, storeKey, loader, policy, fresh, fresh, stamp, true);
    }
}
