package dev.holdfast.cache.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TlsConfig;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A JVM whose trust store can't be read: who encrypts nothing does not open it, which takes its time as well. */
class UnusableTrustTest {
    @TempDir
    private Path directory;

    @Test
    void whatTheJvmTrustsIsReadOnlyForConnectionsWithTls() throws Exception {
        assertEquals("opened", inSuchAJvm("plain"));
        assertEquals("opened", inSuchAJvm("unused"));
    }

    @Test
    void aConnectionWithTlsIsRefusedWhereItIsConfigured() throws Exception {
        String refused = inSuchAJvm("encrypted");
        assertTrue(refused.startsWith("refused: the JVM's own TLS settings are not usable: "), refused);
    }

    private String inSuchAJvm(String what) throws IOException, InterruptedException {
        Path garbage = Files.writeString(directory.resolve("trust"), "no trust store");
        Process jvm = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djavax.net.ssl.trustStore=" + garbage,
                        "-cp",
                        System.getProperty("java.class.path")
                                + File.pathSeparator
                                + System.getProperty("jdk.module.path", ""),
                        Opening.class.getName(),
                        what)
                .redirectErrorStream(true)
                .start();
        String said = new String(jvm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, jvm.waitFor(), said);
        return said;
    }

    /** What is done there. */
    static final class Opening {
        private Opening() {}

        public static void main(String[] args) {
            AccessSettings settings = new AccessSettings(Settings.of(Map.of()), AccessVariables.SINGLE);
            String said = "opened";
            try {
                if (args[0].equals("unused")) {
                    TlsConfig unused = TlsConfig.system().withVerification(TlsConfig.Verification.CA);
                } else {
                    RemoteAccess unused = settings.tls(RemoteAccess.defaults(), args[0].equals("encrypted"));
                }
            } catch (CacheConfigException e) {
                said = "refused: " + e.getMessage();
            }
            System.out.print(said);
        }
    }
}
