package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Servers with certificates, good and bad; the JVM trusts the authority of this test meanwhile. */
class ValidationTlsTest {
    private static final Certificates CERTIFICATES = Certificates.create();
    private static SSLContext before;

    @BeforeAll
    static void trust() throws Exception {
        before = SSLContext.getDefault();
        SSLContext.setDefault(
                TlsConfig.trusting(CERTIFICATES.trustStore(), Secret.of(CERTIFICATES.trustStorePassword()))
                        .context());
    }

    @AfterAll
    static void trustNoMore() {
        SSLContext.setDefault(before);
    }

    @Test
    void aGoodCertificateIsReadyAndBadOnesAreNamed() {
        try (RedisServer redis =
                RedisServer.builder().tls(CERTIFICATES, Certificates.Kind.VALID).start()) {
            Run good = Run.patient("REDIS_URL", redis.url());
            good.mustBeReady("Good");
            assertTrue(good.line("single: TLS").contains("certificate good for 127.0.0.1"), good.output());

            redis.setCertificate(CERTIFICATES, Certificates.Kind.EXPIRED);
            Run.patient("REDIS_URL", redis.url())
                    .mustFail("single: TLS", "has expired", "NotAfter", "this host's clock: 20", "renew", "REDIS_URL");
            redis.setCertificate(CERTIFICATES, Certificates.Kind.WRONG_NAME);
            Run.patient("REDIS_URL", redis.url())
                    .mustFail("single: TLS", "for another host", "let REDIS_URL have the name");
            redis.setCertificate(CERTIFICATES, Certificates.Kind.UNTRUSTED);
            Run.patient("REDIS_URL", redis.url())
                    .mustFail("single: TLS", "not trusted", "trustStore", "REDIS_TLS_CA_FILE", "REDIS_URL");
        }
    }

    @Test
    void filesOfTheEnvironmentSayWhoIsTrustedAndWhoThisIs() {
        Certificates others = Certificates.create();
        String authority = others.authority().toString();
        try (RedisServer redis =
                RedisServer.builder().tls(others, Certificates.Kind.VALID).start()) {
            Run.patient("REDIS_URL", redis.url()).mustFail("single: TLS");
            Run.patient("REDIS_URL", redis.url(), "REDIS_TLS_CA_FILE", authority)
                    .mustBeReady("Good");
            redis.command("CONFIG", "SET", "tls-auth-clients", "yes");
            Certificates.Client client = others.client();
            Run.patient(
                            "REDIS_HOST",
                            "127.0.0.1",
                            "REDIS_PORT",
                            "" + redis.port(),
                            "REDIS_TLS",
                            "true",
                            "REDIS_TLS_CA_FILE",
                            authority,
                            "REDIS_TLS_CERT_FILE",
                            client.certificate().toString(),
                            "REDIS_TLS_KEY_FILE",
                            client.key().toString())
                    .mustBeReady("Good");
        }
        try (RedisServer redis =
                RedisServer.builder().tls(others, Certificates.Kind.WRONG_NAME).start()) {
            Run run = Run.patient("REDIS_URL", redis.url(), "REDIS_TLS_CA_FILE", authority, "REDIS_TLS_VERIFY", "ca");
            run.mustBeReady("Good");
            assertTrue(run.line("single: TLS").contains("verified for no host"), run.output());
        }
        try (RedisServer redis = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.builder("127.0.0.1:" + redis.port(), "a-token")
                        .tls(others, Certificates.Kind.VALID)
                        .start()) {
            Run.patient(
                            "UPSTASH_REDIS_REST_URL",
                            "https://localhost:" + gateway.port(),
                            "UPSTASH_REDIS_REST_TOKEN",
                            "a-token",
                            "UPSTASH_TLS_CA_FILE",
                            authority)
                    .mustBeReady("Good");
        }
    }

    @Test
    void anAuthorityOfTheSameNameWithAnotherKeyIsNamed() {
        try (RedisServer redis = RedisServer.builder()
                .tls(Certificates.create(), Certificates.Kind.VALID)
                .start()) {
            Run.patient(
                            "REDIS_URL",
                            redis.url(),
                            "REDIS_TLS_CA_FILE",
                            Certificates.create().authority().toString())
                    .mustFail("single: TLS", "has another key", "put its authority CN=", "REDIS_TLS_CA_FILE");
        }
    }

    @Test
    void aPlainPortForRedissIsNamedAndSoIsATlsPortForRedis() {
        try (RedisServer plain = RedisServer.start();
                RedisServer encrypted = RedisServer.builder()
                        .tls(CERTIFICATES, Certificates.Kind.VALID)
                        .start()) {
            Run.patient("REDIS_URL", "rediss://127.0.0.1:" + plain.port(), "REDIS_CONNECT_TIMEOUT", "1000")
                    .mustFail("single: TLS", "no TLS is spoken", "REDIS_URL", "redis://");
            Run.patient("REDIS_URL", "redis://127.0.0.1:" + encrypted.port(), "REDIS_COMMAND_TIMEOUT", "1000")
                    .mustFail("single: login", "wants TLS", "REDIS_URL");
        }
    }
}
