package dev.holdfast.cache.client;

import dev.holdfast.cache.spi.CacheStore;
import java.io.ByteArrayOutputStream;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How an entry stands in a store, version 1.1; all numbers big-endian:
 *
 * <pre>
 *   0  magic FE 48   (FE is in no UTF-8 text)
 *   2  version 01
 *   3  flags         1 absence is remembered, 2 has an ETag, 4 has tags; others make the entry unreadable
 *   4  created       epoch ms
 *  12  freshUntil    epoch ms, Long.MAX_VALUE: for ever
 *  20  staleUntil    epoch ms, not before freshUntil
 *  28  ETag          if flagged: length (2 bytes), UTF-8
 *      tags          if flagged: count (2 bytes), each: length (2 bytes), UTF-8, generation (8 bytes)
 *      payload       the rest: what the codec made
 * </pre>
 *
 * The first tag has no name (length 0), and its generation is the {@link KeyHash} of the key that the entry was written under:
 * the whole key below the store's prefix. An entry that is read under another key is unreadable: a server, a proxy or a client
 * library gave the answer to another question. Version 1.0 wrote no tags and its readers skip them, so that both read each
 * other's entries; one of version 1.0 is not checked. The generation of a tag with a name is the number of its {@link Generation} when the entry was made; the
 * entry is good while the tag has that number.
 *
 * <p>A tombstone, which stands in the place of a key that was removed, is a remembered absence that has long ended: flag 1 alone,
 * three times of 0, and for a payload 8 random bytes, which make each another. So every version reads it as nothing, without a
 * remark, whatever its clock says.
 *
 * <p>What is not such an entry is unreadable, never an exception: releases before and after may share a store.
 */
final class Envelope {
    static final int MAX_ETAG_BYTES = 0xFFFF;

    private static final byte MAGIC_0 = (byte) 0xFE;
    private static final byte MAGIC_1 = 0x48;
    private static final byte VERSION = 1;
    private static final int ABSENCE = 1;
    private static final int ETAG = 2;
    private static final int TAGS = 4;
    private static final int KNOWN_FLAGS = ABSENCE | ETAG | TAGS;

    private static final int CREATED_AT = 4;
    private static final int FRESH_AT = 12;
    private static final int STALE_AT = 20;
    private static final int HEADER = 28;
    /** One tag without a name: the count, its length, its generation. */
    private static final int KEY_TAG = 2 + 2 + Long.BYTES;

    private static final byte[] NO_NAMES = new byte[0];

    private static final Lifetime LONG_ENDED = new Lifetime(0, 0, 0);
    private static final int ONE_TAG_WITHOUT_NAME = 1 << 16;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);

    private Envelope() {}

    /** An entry of a key with this hash, under these tags. */
    static byte[] of(long keyHash, Lifetime lifetime, byte @Nullable [] etag, Map<String, Long> tags, byte[] payload) {
        byte[] names = names(tags);
        int tagsAt = HEADER + (etag == null ? 0 : 2 + etag.length);
        int payloadAt = tagsAt + KEY_TAG + names.length;
        byte[] entry = new byte[payloadAt + payload.length];
        header(entry, etag == null ? TAGS : TAGS | ETAG, lifetime);
        if (etag != null) {
            SHORT.set(entry, HEADER, (short) etag.length);
            System.arraycopy(etag, 0, entry, HEADER + 2, etag.length);
        }
        tags(entry, tagsAt, keyHash, tags.size(), names);
        System.arraycopy(payload, 0, entry, payloadAt, payload.length);
        return entry;
    }

    /** An entry that remembers that a key with this hash has no value. */
    static byte[] ofAbsence(long keyHash, Lifetime lifetime, Map<String, Long> tags) {
        byte[] names = names(tags);
        byte[] entry = new byte[HEADER + KEY_TAG + names.length];
        header(entry, ABSENCE | TAGS, lifetime);
        tags(entry, HEADER, keyHash, tags.size(), names);
        return entry;
    }

    private static void tags(byte[] entry, int at, long keyHash, int named, byte[] names) {
        keyTag(entry, at, keyHash);
        SHORT.set(entry, at, (short) (1 + named));
        System.arraycopy(names, 0, entry, at + KEY_TAG, names.length);
    }

    private static byte[] names(Map<String, Long> tags) {
        if (tags.isEmpty()) {
            return NO_NAMES;
        }
        ByteArrayOutputStream names = new ByteArrayOutputStream();
        tags.forEach((tag, number) -> {
            byte[] name = tag.getBytes(StandardCharsets.UTF_8);
            byte[] each = new byte[2 + name.length + Long.BYTES];
            SHORT.set(each, 0, (short) name.length);
            System.arraycopy(name, 0, each, 2, name.length);
            LONG.set(each, 2 + name.length, (long) number);
            names.writeBytes(each);
        });
        return names.toByteArray();
    }

    /** Whether a readable entry has tags with names. */
    static boolean isTagged(byte[] entry) {
        int flags = entry[3];
        if ((flags & TAGS) == 0) {
            return false;
        }
        int at = (flags & ETAG) == 0 ? HEADER : afterText(entry, HEADER);
        return at + Integer.BYTES > entry.length || (int) INT.get(entry, at) != ONE_TAG_WITHOUT_NAME;
    }

    /** The tags of a readable entry that have names, and their numbers when it was made. */
    static Map<String, Long> tags(byte[] entry) {
        int flags = entry[3];
        if ((flags & TAGS) == 0) {
            return Map.of();
        }
        Map<String, Long> tags = new LinkedHashMap<>();
        int at = (flags & ETAG) == 0 ? HEADER : afterText(entry, HEADER);
        int count = unsignedShort(entry, at);
        at += 2;
        for (int i = 0; i < count; i++) {
            int end = afterText(entry, at);
            if (end > at + 2) {
                String name = new String(entry, at + 2, end - at - 2, StandardCharsets.UTF_8);
                tags.put(name, (long) LONG.get(entry, end));
            }
            at = end + Long.BYTES;
        }
        return tags;
    }

    /** Sets the numbers of tags that a readable entry has. */
    static void number(byte[] entry, Map<String, Long> numbers) {
        int at = (entry[3] & ETAG) == 0 ? HEADER : afterText(entry, HEADER);
        int count = unsignedShort(entry, at);
        at += 2;
        for (int i = 0; i < count; i++) {
            int end = afterText(entry, at);
            Long number =
                    end > at + 2 ? numbers.get(new String(entry, at + 2, end - at - 2, StandardCharsets.UTF_8)) : null;
            if (number != null) {
                LONG.set(entry, end, (long) number);
            }
            at = end + Long.BYTES;
        }
    }

    /** What stands in the place of a key that was removed; {@code nonce}: another for each removal. */
    static byte[] tombstone(long nonce) {
        byte[] entry = new byte[HEADER + CacheStore.TOMBSTONE_NONCE_BYTES];
        header(entry, ABSENCE, LONG_ENDED);
        LONG.set(entry, HEADER, nonce);
        return entry;
    }

    private static void header(byte[] entry, int flags, Lifetime lifetime) {
        entry[0] = MAGIC_0;
        entry[1] = MAGIC_1;
        entry[2] = VERSION;
        entry[3] = (byte) flags;
        LONG.set(entry, CREATED_AT, lifetime.created());
        LONG.set(entry, FRESH_AT, lifetime.freshUntil());
        LONG.set(entry, STALE_AT, lifetime.staleUntil());
    }

    private static void keyTag(byte[] entry, int at, long keyHash) {
        INT.set(entry, at, ONE_TAG_WITHOUT_NAME);
        LONG.set(entry, at + 4, keyHash);
    }

    /** Whether a readable entry was written under a key with this hash; one of version 1.0 does not say, and may have been. */
    static boolean isOf(long keyHash, byte[] entry) {
        int flags = entry[3];
        if ((flags & TAGS) == 0) {
            return true;
        }
        int at = (flags & ETAG) == 0 ? HEADER : afterText(entry, HEADER);
        boolean names = unsignedShort(entry, at) > 0 && unsignedShort(entry, at + 2) == 0;
        return !names || (long) LONG.get(entry, at + 4) == keyHash;
    }

    /**
     * The same entry, never fresh: it ends when it was made, so that a process whose clock is behind does not take it for fresh
     * either. Its stale limit is kept. Made later than {@code now}, by a clock that is ahead, it is made now. Marked once more it is a
     * millisecond older, so that a load that began between the two does not find what it saw.
     */
    static byte[] markedStale(byte[] entry, long now) {
        byte[] marked = entry.clone();
        boolean again = freshUntil(entry) == created(entry);
        long created = Math.min(again ? Math.max(0, created(entry) - 1) : created(entry), now);
        LONG.set(marked, CREATED_AT, created);
        LONG.set(marked, FRESH_AT, created);
        return marked;
    }

    /** The same entry with another lifetime. */
    static byte[] renewed(byte[] entry, Lifetime lifetime) {
        byte[] renewed = entry.clone();
        header(renewed, entry[3], lifetime);
        return renewed;
    }

    /** Says why bytes are no readable entry; {@code null} if they are. */
    static @Nullable String problem(byte[] entry) {
        if (entry.length < HEADER || entry[0] != MAGIC_0 || entry[1] != MAGIC_1) {
            return "not an entry of this cache: " + entry.length + " bytes without its mark";
        }
        if (entry[2] != VERSION || (entry[3] & ~KNOWN_FLAGS) != 0) {
            return "an entry of another release: version " + entry[2] + ", flags " + entry[3];
        }
        if (created(entry) > freshUntil(entry) || freshUntil(entry) > staleUntil(entry) || created(entry) < 0) {
            return "a damaged entry: its times contradict each other";
        }
        return entry[3] <= ABSENCE || payloadOffset(entry) >= 0 ? null : "a damaged entry: cut off";
    }

    static boolean isAbsence(byte[] entry) {
        return (entry[3] & ABSENCE) != 0;
    }

    static long created(byte[] entry) {
        return (long) LONG.get(entry, CREATED_AT);
    }

    /** When a stored value was made, in epoch milliseconds; {@link Long#MAX_VALUE} if it is no entry, or a tombstone, which does not say. */
    static long made(byte[] value) {
        boolean entry = value.length >= HEADER && value[0] == MAGIC_0 && value[1] == MAGIC_1;
        return entry && staleUntil(value) != 0 ? created(value) : Long.MAX_VALUE;
    }

    static long freshUntil(byte[] entry) {
        return (long) LONG.get(entry, FRESH_AT);
    }

    static long staleUntil(byte[] entry) {
        return (long) LONG.get(entry, STALE_AT);
    }

    static Optional<String> etag(byte[] entry) {
        return (entry[3] & ETAG) == 0
                ? Optional.empty()
                : Optional.of(new String(entry, HEADER + 2, unsignedShort(entry, HEADER), StandardCharsets.UTF_8));
    }

    /** Where the payload begins; negative if the entry ends before it. */
    static int payloadOffset(byte[] entry) {
        int flags = entry[3];
        if (flags <= ABSENCE) {
            return HEADER;
        }
        if ((flags & ETAG) == 0
                && entry.length >= HEADER + KEY_TAG
                && (int) INT.get(entry, HEADER) == ONE_TAG_WITHOUT_NAME) {
            return HEADER + KEY_TAG;
        }
        int at = HEADER;
        if ((flags & ETAG) != 0) {
            at = afterText(entry, at);
        }
        if ((flags & TAGS) != 0 && at >= 0) {
            at = afterTags(entry, at);
        }
        return at;
    }

    private static int afterTags(byte[] entry, int at) {
        if (at + 2 > entry.length) {
            return -1;
        }
        int count = unsignedShort(entry, at);
        int next = at + 2;
        for (int i = 0; i < count && next >= 0; i++) {
            next = afterText(entry, next);
            next = next < 0 || next + Long.BYTES > entry.length ? -1 : next + Long.BYTES;
        }
        return next;
    }

    private static int afterText(byte[] entry, int at) {
        if (at + 2 > entry.length) {
            return -1;
        }
        int end = at + 2 + unsignedShort(entry, at);
        return end > entry.length ? -1 : end;
    }

    private static int unsignedShort(byte[] entry, int at) {
        return (short) SHORT.get(entry, at) & 0xFFFF;
    }
}
