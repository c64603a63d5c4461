package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Authentication;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.output.ByteArrayOutput;
import io.lettuce.core.output.IntegerOutput;
import io.lettuce.core.output.KeyScanOutput;
import io.lettuce.core.output.NestedMultiOutput;
import io.lettuce.core.output.StatusOutput;
import io.lettuce.core.protocol.AsyncCommand;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandKeyword;
import io.lettuce.core.protocol.CommandType;
import io.lettuce.core.protocol.ProtocolKeyword;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The commands that the store uses. */
final class Requests {
    private static final int SCAN_COUNT = 2_000;

    static final Request<String> ASKING = new Request<>(CommandType.ASKING, Request.noArguments(), StatusOutput::new);
    static final Request<String> READONLY =
            new Request<>(CommandType.READONLY, Request.noArguments(), StatusOutput::new);
    static final Request<String> PING = new Request<>(CommandType.PING, Request.noArguments(), StatusOutput::new);
    static final Request<byte[]> CLUSTER_NODES =
            new Request<>(CommandType.CLUSTER, Request.noArguments().add(CommandKeyword.NODES), ByteArrayOutput::new);
    static final Request<List<Object>> CLUSTER_SLOTS =
            new Request<>(CommandType.CLUSTER, Request.noArguments().add(CommandKeyword.SLOTS), NestedMultiOutput::new);

    static final Request<List<Object>> CLUSTER_SHARDS =
            new Request<>(CommandType.CLUSTER, Request.noArguments().add("SHARDS"), NestedMultiOutput::new);

    static final Request<byte[]> CLUSTER_INFO =
            new Request<>(CommandType.CLUSTER, Request.noArguments().add(CommandKeyword.INFO), ByteArrayOutput::new);

    static final Request<byte[]> INFO_SERVER =
            new Request<>(CommandType.INFO, Request.noArguments().add("server"), ByteArrayOutput::new);

    static final Request<byte[]> INFO_MEMORY =
            new Request<>(CommandType.INFO, Request.noArguments().add("memory"), ByteArrayOutput::new);

    private Requests() {}

    /** Logs in; the default user if none is named. */
    static Request<String> auth(Authentication words) {
        CommandArgs<byte[], byte[]> arguments = Request.noArguments();
        if (words.username() != null) {
            arguments.add(words.username().getBytes(StandardCharsets.UTF_8));
        }
        return new Request<>(
                CommandType.AUTH, arguments.add(words.password().getBytes(StandardCharsets.UTF_8)), StatusOutput::new);
    }

    /** Names the connection. */
    static Request<String> name(String name) {
        CommandArgs<byte[], byte[]> arguments =
                Request.noArguments().add("SETNAME").add(name.getBytes(StandardCharsets.UTF_8));
        return new Request<>(CommandType.CLIENT, arguments, StatusOutput::new);
    }

    /** A PING that is answered with what it carries. */
    static Request<byte[]> ping(byte[] nonce) {
        return new Request<>(CommandType.PING, Request.noArguments().add(nonce), ByteArrayOutput::new);
    }

    static Request<byte[]> get(byte[] key) {
        return new Request<>(CommandType.GET, Request.noArguments().addKey(key), ByteArrayOutput::new);
    }

    /**
     * Stores.
     *
     * @param millis to live; {@link Long#MAX_VALUE} for ever
     */
    static Request<String> set(byte[] key, byte[] value, long millis) {
        return new Request<>(CommandType.SET, setArguments(key, value, millis), StatusOutput::new, value.length);
    }

    /** Stores if absent; the reply is null if it was not. */
    static Request<String> setIfAbsent(byte[] key, byte[] value, long millis) {
        return new Request<>(
                CommandType.SET,
                setArguments(key, value, millis).add(CommandKeyword.NX),
                StatusOutput::new,
                value.length);
    }

    /** Stores, and returns what was there before. */
    static Request<byte[]> swap(byte[] key, byte[] value, long millis) {
        return new Request<>(CommandType.SET, setArguments(key, value, millis).add("GET"), ByteArrayOutput::new);
    }

    private static CommandArgs<byte[], byte[]> setArguments(byte[] key, byte[] value, long millis) {
        CommandArgs<byte[], byte[]> arguments =
                Request.noArguments().addKey(key).addValue(value);
        return millis == Long.MAX_VALUE ? arguments : arguments.add("PX").add(millis);
    }

    /** The first bytes of a value; none where there is none. */
    static Request<byte[]> head(byte[] key, int bytes) {
        return new Request<>(
                CommandType.GETRANGE, Request.noArguments().addKey(key).add(0).add(bytes - 1), ByteArrayOutput::new);
    }

    /** UNLINK, EXISTS or PTTL of one key. */
    static Request<Long> number(CommandType type, byte[] key) {
        return new Request<>(type, Request.noArguments().addKey(key), IntegerOutput::new);
    }

    static Request<Long> expire(byte[] key, long millis) {
        return new Request<>(
                CommandType.PEXPIRE, Request.noArguments().addKey(key).add(millis), IntegerOutput::new);
    }

    /**
     * A command of a kind that changes nothing, on a key that nobody has.
     *
     * @return {@code null} if there is none of that kind
     */
    static @Nullable AsyncCommand<byte[], byte[], ?> witness(ProtocolKeyword type, byte[] nobody) {
        if (type == CommandType.GET) {
            return get(nobody).command();
        }
        if (type == CommandType.SET) {
            CommandArgs<byte[], byte[]> onlyIfPresent =
                    setArguments(nobody, new byte[0], 1).add(CommandKeyword.XX);
            return new Request<>(CommandType.SET, onlyIfPresent, StatusOutput::new).command();
        }
        if (type == CommandType.PEXPIRE) {
            return expire(nobody, 1).command();
        }
        if (type == CommandType.EXISTS || type == CommandType.PTTL || type == CommandType.UNLINK) {
            return number((CommandType) type, nobody).command();
        }
        return null;
    }

    static Request<KeyScanCursor<byte[]>> scan(String cursor, byte[] pattern) {
        CommandArgs<byte[], byte[]> arguments = Request.noArguments()
                .add(cursor)
                .add(CommandKeyword.MATCH)
                .add(pattern)
                .add(CommandKeyword.COUNT)
                .add(SCAN_COUNT);
        return new Request<>(CommandType.SCAN, arguments, KeyScanOutput::new);
    }
}
