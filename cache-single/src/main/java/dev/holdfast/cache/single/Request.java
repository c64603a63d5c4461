package dev.holdfast.cache.single;

import dev.holdfast.cache.spi.RedisScript;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.Protocol.Keyword;
import redis.clients.jedis.args.Rawable;

/** A command to the server, and what its kind allows. Built by one thread, then not changed. */
final class Request extends CommandArguments {
    private final boolean readOnly;
    private final boolean harmless;
    private long bytes;

    private Request(Command command, boolean readOnly, boolean harmless) {
        super(command);
        this.readOnly = readOnly;
        this.harmless = harmless;
    }

    /** One that changes nothing. */
    static Request reading(Command command) {
        return new Request(command, true, true);
    }

    /** One that changes something, but the same if it is done again. */
    static Request repeatable(Command command) {
        return new Request(command, false, true);
    }

    /** One that is not to be done twice, or whose answer would be another the second time. */
    static Request once(Command command) {
        return new Request(command, false, false);
    }

    /** A script, by its digest or in full. */
    static Request script(
            RedisScript script, boolean inFull, boolean harmless, List<byte[]> keys, List<byte[]> arguments) {
        Request whole = new Request(inFull ? Command.EVAL : Command.EVALSHA, false, harmless)
                .with(inFull ? script.text() : script.sha1())
                .with(keys.size());
        keys.forEach(whole::with);
        arguments.forEach(whole::with);
        return whole;
    }

    Request with(byte[] argument) {
        bytes += argument.length;
        add(argument);
        return this;
    }

    Request with(Rawable argument) {
        add(argument);
        return this;
    }

    Request with(long argument) {
        add(argument);
        return this;
    }

    Request with(String argument) {
        bytes += argument.length();
        add(argument);
        return this;
    }

    /**
     * Another one of the same kind, which changes nothing, on a key that nobody has.
     *
     * @return {@code null} if there is none of that kind
     */
    @Nullable
    Request witness(byte[] nobody) {
        if (!(getCommand() instanceof Command kind)) {
            return null;
        }
        return switch (kind) {
            case GET, MGET, EXISTS, PTTL, UNLINK -> new Request(kind, readOnly, true).with(nobody);
            case SET ->
                new Request(kind, false, true)
                        .with(nobody)
                        .with(new byte[0])
                        .with(Keyword.XX)
                        .with(Keyword.PX)
                        .with(1);
            case PEXPIRE -> new Request(kind, false, true).with(nobody).with(1);
            default -> null;
        };
    }

    /** What it is called, {@code GET}. */
    String name() {
        return getCommand().toString();
    }

    /** Whether it changes nothing. */
    boolean readOnly() {
        return readOnly;
    }

    /** Whether it may be sent again while nobody knows whether it was done. */
    boolean harmless() {
        return harmless;
    }

    /** About how large it is. */
    long bytes() {
        return bytes;
    }
}
