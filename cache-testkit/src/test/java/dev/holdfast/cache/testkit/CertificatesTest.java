package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.Certificates.Kind;
import dev.holdfast.cache.testkit.RedisServer.Data;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class CertificatesTest {
    @ParameterizedTest
    @ValueSource(strings = {"localhost", "127.0.0.1"})
    void aClientThatTrustsTheAuthorityConnects(String host) throws Exception {
        try (RedisServer redis = RedisServer.builder().tls().password("pw").start()) {
            assertEquals("rediss://:pw@127.0.0.1:" + redis.port(), redis.url());
            assertEquals("TLSv1.3", handshake(redis, redis.certificates(), host));
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "VALID")
    void everyOtherKindIsRefused(Kind kind) throws Exception {
        Certificates certificates = Certificates.create();
        try (RedisServer redis = RedisServer.builder().tls(certificates, kind).start()) {
            assertEquals("PONG", redis.command("PING"));
            SSLException refusal = assertThrows(SSLException.class, () -> handshake(redis, certificates, "127.0.0.1"));
            String expected =
                    switch (kind) {
                        case EXPIRED -> "validity check failed";
                        case WRONG_NAME -> "127.0.0.1";
                        default -> "PKIX path";
                    };
            assertTrue(refusal.toString().contains(expected), refusal.toString());
        }
    }

    @Test
    void aServerChangesItsCertificateAtRunTimeAndKeepsItOverARestart() throws Exception {
        try (RedisServer redis = RedisServer.builder().tls().start()) {
            Certificates first = redis.certificates();
            handshake(redis, first, "localhost");
            redis.setCertificate(first, Kind.EXPIRED);
            assertThrows(SSLException.class, () -> handshake(redis, first, "localhost"));

            Certificates second = Certificates.create();
            redis.setCertificate(second, Kind.VALID);
            assertEquals(second, redis.certificates());
            handshake(redis, second, "localhost");
            assertThrows(SSLException.class, () -> handshake(redis, first, "localhost"));
            redis.restart(Data.KEEP);
            handshake(redis, second, "localhost");
            assertThrows(SSLException.class, () -> handshake(redis, first, "localhost"));
        }
    }

    @Test
    void withoutTlsThereIsNoCertificate() {
        try (RedisServer redis = RedisServer.start()) {
            assertThrows(IllegalStateException.class, redis::certificates);
            Certificates any = Certificates.create();
            assertThrows(IllegalStateException.class, () -> redis.setCertificate(any, Kind.VALID));
        }
    }

    @Test
    void theAuthorityIsAlsoThereInPem() throws Exception {
        Certificates certificates = Certificates.create();
        try (InputStream in = Files.newInputStream(certificates.authority())) {
            X509Certificate root =
                    (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
            root.verify(root.getPublicKey());
            root.checkValidity();
            assertTrue(root.getBasicConstraints() >= 0);
        }
    }

    private static String handshake(RedisServer redis, Certificates trusted, String host) throws Exception {
        KeyStore store = KeyStore.getInstance(
                trusted.trustStore().toFile(), trusted.trustStorePassword().toCharArray());
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        try (Socket plain = connect(redis.port());
                SSLSocket socket =
                        (SSLSocket) context.getSocketFactory().createSocket(plain, host, redis.port(), true)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            return socket.getSession().getProtocol();
        }
    }

    private static Socket connect(int port) throws IOException {
        Socket socket = new Socket();
        socket.connect(new InetSocketAddress(Ports.loopback(), port), 10_000);
        socket.setSoTimeout(20_000);
        return socket;
    }
}
