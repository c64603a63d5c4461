package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.util.Arrays;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** A gateway per test in front of one Redis per class, which is empty when a test begins. */
abstract class GatewayFixture {
    static final String BEARER = "Authorization: Bearer secret";
    static final String BASE64 = "Upstash-Encoding: base64";
    static final String RESP2 = "Upstash-Response-Format: resp2";

    static RedisServer redis;
    UpstashGateway gateway;

    @BeforeAll
    static void startRedis() {
        redis = RedisServer.start();
    }

    @AfterAll
    static void stopRedis() {
        redis.close();
    }

    @BeforeEach
    void startGateway() {
        redis.command("FLUSHALL");
        gateway = builder().start();
    }

    @AfterEach
    void stopGateway() {
        gateway.close();
    }

    static UpstashGateway.Builder builder() {
        return UpstashGateway.builder(redis.host() + ":" + redis.port(), "secret");
    }

    void restartGateway(UnaryOperator<UpstashGateway.Builder> settings) {
        gateway.close();
        gateway = settings.apply(builder()).start();
    }

    WireClient.Answer post(String target, String body, String... headers) throws IOException {
        return send("POST", target, body.getBytes(UTF_8), headers);
    }

    WireClient.Answer send(String method, String target, byte[] body, String... headers) throws IOException {
        String[] all = Arrays.copyOf(headers, headers.length + 1);
        all[headers.length] = BEARER;
        return WireClient.send(gateway.port(), method, target, body, all);
    }
}
