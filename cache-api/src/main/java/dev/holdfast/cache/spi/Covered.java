package dev.holdfast.cache.spi;

import org.jspecify.annotations.Nullable;

/**
 * What a read found, and under which guard it may be kept.
 *
 * @param value the value, not to be changed, as from {@link CacheStore#getShared}; {@code null} if the key is absent
 * @param guard was alive before the read was sent, to the place where its changes are told of; {@code null} if it must not be kept
 */
@SuppressWarnings("ArrayRecordComponent") // handed on at once, and never compared
public record Covered(byte @Nullable [] value, @Nullable Guard guard) {}
