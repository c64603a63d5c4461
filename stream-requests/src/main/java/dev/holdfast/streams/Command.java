package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol;

/** A command for Redis, whose keys are in one slot. */
final class Command {
    private final Protocol.Command name;
    private final byte[] key;
    private final byte[][] arguments;
    private final @Nullable Command whole;

    private Command(Protocol.Command name, byte[] key, List<?> arguments, @Nullable Command whole) {
        this.name = name;
        this.key = key;
        this.arguments = arguments.stream().map(Command::bytes).toArray(byte[][]::new);
        this.whole = whole;
    }

    private static byte[] bytes(Object argument) {
        return argument instanceof byte[] bytes ? bytes : argument.toString().getBytes(UTF_8);
    }

    /** A command whose first argument is its key; the others are {@code byte[]}, or text and numbers. */
    static Command of(Protocol.Command name, byte[] key, Object... rest) {
        return new Command(name, key, joined(List.of(), key, rest), null);
    }

    /** A command with a word before its key. */
    static Command sub(Protocol.Command name, String word, byte[] key, Object... rest) {
        return new Command(name, key, joined(List.of(word), key, rest), null);
    }

    /** {@code EVALSHA}, and what is sent instead if the server does not know the script; {@code rest} begins with further keys. */
    static Command script(String sha1, String text, int keys, byte[] key, Object... rest) {
        Command whole = new Command(Protocol.Command.EVAL, key, joined(List.of(text, keys), key, rest), null);
        return new Command(Protocol.Command.EVALSHA, key, joined(List.of(sha1, keys), key, rest), whole);
    }

    /** {@code XREADGROUP} of what nobody has yet; it waits for {@code blockMillis}, or not at all if that is 0. */
    static Command readGroup(byte[] key, String consumer, int count, long blockMillis) {
        List<Object> before = new ArrayList<>(List.of("GROUP", Keys.GROUP, consumer, "COUNT", count));
        if (blockMillis > 0) {
            before.addAll(List.of("BLOCK", blockMillis));
        }
        before.add("STREAMS");
        return new Command(Protocol.Command.XREADGROUP, key, joined(before, key, ">"), null);
    }

    /**
     * {@code XREADGROUP} of what this consumer has pending behind all entries there can be: nothing. It makes Redis know the consumer, and
     * that it lives.
     */
    static Command touch(byte[] key, String consumer) {
        List<Object> before = List.of("GROUP", Keys.GROUP, consumer, "COUNT", 1, "STREAMS");
        return new Command(Protocol.Command.XREADGROUP, key, joined(before, key, "18446744073709551615-0"), null);
    }

    /** {@code XREAD} from the beginning. */
    static Command read(byte[] key, int count, long blockMillis) {
        List<Object> before = List.of("COUNT", count, "BLOCK", blockMillis, "STREAMS");
        return new Command(Protocol.Command.XREAD, key, joined(before, key, "0-0"), null);
    }

    private static List<Object> joined(List<?> before, byte[] key, Object... after) {
        List<Object> all = new ArrayList<>(before);
        all.add(key);
        all.addAll(Arrays.asList(after));
        return all;
    }

    Protocol.Command name() {
        return name;
    }

    /** Which one of the arguments says to what node of a cluster it goes. */
    byte[] key() {
        return key;
    }

    /** All arguments, the key among them. */
    byte[][] arguments() {
        return arguments;
    }

    /** What is sent instead if the server does not know the script; {@code null} if it is none. */
    @Nullable
    Command whole() {
        return whole;
    }
}
