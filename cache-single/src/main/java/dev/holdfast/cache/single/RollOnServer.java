package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.RedisScript;
import dev.holdfast.cache.spi.Roll;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol.Command;

/**
 * The roll of the clients that share the server. Asked on the connection that is kept for questions, so that no caller waits for it, nor it for
 * callers. Thread-safe.
 */
final class RollOnServer {
    private final SingleConfig config;
    private final Reserve reserve;
    private final JedisErrors errors;

    RollOnServer(SingleConfig config, Reserve reserve, JedisErrors errors) {
        this.config = config;
        this.reserve = reserve;
        this.errors = errors;
    }

    Roll beat(Beat beat, Duration timeout) {
        long until = System.nanoTime() + Math.min(timeout.toNanos(), Long.MAX_VALUE / 4);
        Object answer = ask(Command.EVALSHA, RedisScript.BEAT.sha1(), beat, until);
        if (answer instanceof Refusal refusal
                && errors.refusal(refusal) instanceof CacheRejectedException rejected
                && JedisErrors.isUnknownScript(rejected)) {
            answer = ask(Command.EVAL, RedisScript.BEAT.text(), beat, until);
        }
        if (answer instanceof Refusal refusal) {
            throw errors.refusal(refusal);
        }
        List<String> texts = new ArrayList<>();
        for (Object part : answer instanceof List<?> parts ? parts : List.of()) {
            texts.add(part instanceof byte[] text ? new String(text, StandardCharsets.UTF_8) : "");
        }
        return Roll.of(texts);
    }

    private @Nullable Object ask(Command command, String script, Beat beat, long until) {
        Request request = Request.repeatable(command).with(script).with(Roll.KEYS.size());
        Roll.KEYS.forEach(key -> request.with(config.keyPrefix().encodeKey(key)));
        Roll.arguments(beat).forEach(request::with);
        return reserve.ask(List.of(request), until, until).get(0);
    }
}
