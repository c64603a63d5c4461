package dev.holdfast.cache.spi;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a store puts before every key, and how keys become bytes: UTF-8, strictly. For implementations of
 * {@link CacheStore}. Immutable.
 */
public final class KeyPrefix {
    /** No prefix. */
    public static final KeyPrefix NONE = new KeyPrefix("");

    /** What stands between a prefix and a key. */
    private static final char SEPARATOR = ':';

    private final String text;
    private final byte[] bytes;

    private KeyPrefix(String text) {
        this.text = text;
        this.bytes = encode(text);
    }

    /**
     * Creates a prefix; keys become {@code prefix:key}.
     *
     * @param prefix the prefix without the colon; {@code null} or empty for none
     * @return the prefix
     * @throws IllegalArgumentException if it is longer than 256 characters or holds an unpaired surrogate, a control
     *     character or white space
     */
    public static KeyPrefix of(@Nullable String prefix) {
        if (prefix == null || prefix.isEmpty()) {
            return NONE;
        }
        if (prefix.length() > 256) {
            throw new IllegalArgumentException(
                    "a key prefix has at most 256 characters, this one has " + prefix.length());
        }
        if (prefix.chars().anyMatch(c -> Character.isISOControl(c) || Character.isWhitespace(c))) {
            throw new IllegalArgumentException("a key prefix holds no white space and no control characters");
        }
        return new KeyPrefix(prefix + SEPARATOR);
    }

    /**
     * Says whether there is no prefix.
     *
     * @return whether keys go to the server as they are
     */
    public boolean isEmpty() {
        return text.isEmpty();
    }

    /**
     * Returns a key as the server sees it.
     *
     * @param key the caller's key
     * @return prefix and key
     */
    public String apply(String key) {
        return text.isEmpty() ? Objects.requireNonNull(key, "key") : text.concat(key);
    }

    /**
     * Returns a key as the server sees it, for protocols that carry text.
     *
     * @param key the caller's key
     * @return prefix and key
     * @throws IllegalArgumentException if the key holds an unpaired surrogate
     */
    public String checkedKey(String key) {
        for (int i = 0; i < key.length(); i++) {
            if (Character.isSurrogate(key.charAt(i))) {
                encode(key);
                break;
            }
        }
        return apply(key);
    }

    /**
     * Returns a key as the server sees it, in UTF-8.
     *
     * @param key the caller's key
     * @return prefix and key; the caller's to keep
     * @throws IllegalArgumentException if the key holds an unpaired surrogate
     */
    public byte[] encodeKey(String key) {
        int length = key.length();
        byte[] out = new byte[bytes.length + length];
        System.arraycopy(bytes, 0, out, 0, bytes.length);
        for (int i = 0; i < length; i++) {
            char c = key.charAt(i);
            if (c >= 0x80) {
                return encode(text.concat(key));
            }
            out[bytes.length + i] = (byte) c;
        }
        return out;
    }

    /**
     * Returns the caller's key for a key of the server's.
     *
     * @param serverKey a key that begins with this prefix
     * @return the rest
     */
    public String strip(String serverKey) {
        if (!serverKey.startsWith(text)) {
            throw new IllegalArgumentException("not a key of this store: it does not begin with \"" + text + '"');
        }
        return serverKey.substring(text.length());
    }

    /**
     * Returns the glob pattern of {@code SCAN … MATCH} for all keys with this prefix that begin with {@code keyPrefix}.
     * {@code * ? [ ] \} lose their meaning.
     *
     * @param keyPrefix what the caller's keys begin with
     * @return the pattern in UTF-8
     * @throws IllegalArgumentException if both prefixes are empty: the pattern would match what is not this store's; or if
     *     {@code keyPrefix} holds an unpaired surrogate
     * @see <a href="https://redis.io/docs/latest/commands/keys/">KEYS: the glob patterns</a>
     */
    public byte[] scanPattern(String keyPrefix) {
        String literal = apply(keyPrefix);
        if (literal.isEmpty()) {
            throw new IllegalArgumentException("an empty prefix is refused by a store without a key prefix of its own:"
                    + " it would remove every key of the server, also those of others");
        }
        StringBuilder pattern = new StringBuilder(literal.length() + 8);
        for (int i = 0; i < literal.length(); i++) {
            char c = literal.charAt(i);
            if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') {
                pattern.append('\\');
            }
            pattern.append(c);
        }
        return encode(pattern.append('*').toString());
    }

    private static byte[] encode(String text) {
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8
                    .newEncoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .encode(CharBuffer.wrap(text));
            byte[] out = new byte[encoded.remaining()];
            encoded.get(out);
            return out;
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("a key holds an unpaired surrogate and has no UTF-8 form", e);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KeyPrefix that && text.equals(that.text);
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    /** The prefix as it stands before each key, colon included; empty if there is none. */
    @Override
    public String toString() {
        return text;
    }
}
