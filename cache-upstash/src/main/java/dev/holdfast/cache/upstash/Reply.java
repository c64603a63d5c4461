package dev.holdfast.cache.upstash;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the server answered to one command. */
sealed interface Reply {
    /** No value. */
    enum Nil implements Reply {
        NIL
    }

    /** A number, or a text where the server writes numbers as such. */
    record Whole(long value) implements Reply {}

    /** Bytes, decoded; a status other than OK is its text. */
    final class Bytes implements Reply {
        private final byte[] value;

        Bytes(byte[] value) {
            this.value = value;
        }

        byte[] value() {
            return value;
        }
    }

    /** Several replies. */
    record Array(List<Reply> values) implements Reply {}

    /** The command failed; the others of its pipeline may not have. */
    record Failure(String text) implements Reply {}

    /** The bytes, or {@code null} for no value; anything else is a protocol error. */
    default byte @Nullable [] bytes() {
        if (this instanceof Nil) {
            return null;
        }
        if (this instanceof Bytes bytes) {
            return bytes.value();
        }
        throw new MalformedReplyException(
                "a text was expected, not " + getClass().getSimpleName());
    }

    /** The number from 0 to a limit; anything else can't have been counted. */
    default long count(long most) {
        long count = number();
        if (count < 0 || count > most) {
            throw new MalformedReplyException("a count from 0 to " + most + " was expected, not " + count);
        }
        return count;
    }

    /** Whether there was one of at most one. */
    default boolean isOne() {
        return count(1) == 1;
    }

    /** The number; a text that holds one counts, since some servers write them so. */
    default long number() {
        if (this instanceof Whole number) {
            return number.value();
        }
        if (this instanceof Bytes bytes) {
            try {
                if (bytes.value().length > 20) {
                    throw new NumberFormatException();
                }
                return Long.parseLong(new String(bytes.value(), java.nio.charset.StandardCharsets.US_ASCII));
            } catch (NumberFormatException e) {
                throw new MalformedReplyException(
                        "an integer was expected, not a text of " + bytes.value().length + " bytes");
            }
        }
        throw new MalformedReplyException(
                "an integer was expected, not " + getClass().getSimpleName());
    }

    /** The elements. */
    default List<Reply> array() {
        if (this instanceof Array array) {
            return array.values();
        }
        throw new MalformedReplyException(
                "an array was expected, not " + getClass().getSimpleName());
    }

    /** Whether it is OK. */
    default boolean isOk() {
        return this instanceof Bytes bytes
                && bytes.value().length == 2
                && bytes.value()[0] == 'O'
                && bytes.value()[1] == 'K';
    }

    /** Whether it says that something was stored, and not that a condition did not hold. */
    default boolean isStored() {
        if (!(this instanceof Nil) && !isOk()) {
            throw new MalformedReplyException(
                    "OK was expected, not " + getClass().getSimpleName());
        }
        return isOk();
    }
}
