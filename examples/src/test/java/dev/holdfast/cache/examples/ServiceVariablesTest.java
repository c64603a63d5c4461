package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class ServiceVariablesTest {
    private static final Pattern READ = Pattern.compile("\"((STREAMS|REQUEST|PROXY)_[A-Z_]+)\"");

    private static Set<String> read(Path source) throws IOException {
        return READ.matcher(Files.readString(source))
                .results()
                .map((MatchResult match) -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void anUnknownVariableIsNamedWithTheNearestKnownOne() {
        assertEquals(
                List.of(
                        "PROXY_TERMINAL is set, but nothing reads it; did you mean PROXY_TERMINALS?",
                        "REQUEST_LIMITS is set, but nothing reads it; did you mean REQUEST_LIMIT?",
                        "STREAMS_CLAIMIDLE is set, but nothing reads it; did you mean STREAMS_CLAIM_IDLE?",
                        "STREAMS_SOMETHING_ELSE_ALTOGETHER is set, but nothing reads it"),
                ServiceVariables.warnings(Set.of(
                        "PROXY_TERMINAL",
                        "REQUEST_LIMITS",
                        "STREAMS_CLAIMIDLE",
                        "STREAMS_SOMETHING_ELSE_ALTOGETHER",
                        "STREAMS_CLAIM_IDLE",
                        "REQUEST_LIMIT",
                        "REDIS_URL",
                        "PATH")));
    }

    @Test
    void whatKubernetesSetsForAServiceOfALikeNameIsNotMeant() {
        assertEquals(
                List.of(),
                ServiceVariables.warnings(Set.of(
                        "PROXY_SERVICE_SERVICE_HOST",
                        "PROXY_SERVICE_SERVICE_PORT",
                        "PROXY_SERVICE_SERVICE_PORT_HTTP",
                        "PROXY_SERVICE_PORT",
                        "PROXY_SERVICE_PORT_80_TCP",
                        "PROXY_SERVICE_PORT_80_TCP_ADDR")));
    }

    @Test
    void whatIsReadAndWhatIsDocumentedIsKnown() throws IOException {
        Path services = Path.of("src", "main", "java", "dev", "holdfast", "cache", "examples");
        Set<String> read = read(Path.of(
                "..", "stream-requests", "src", "main", "java", "dev", "holdfast", "streams", "StreamsSettings.java"));
        read.addAll(read(services.resolve("Ingress.java")));
        read.addAll(read(services.resolve("Proxy.java")));
        assertEquals(read, new TreeSet<>(ServiceVariables.KNOWN));
        String docs = Files.readString(Path.of("..", "docs", "streams.md"));
        for (String name : ServiceVariables.KNOWN) {
            assertTrue(docs.contains("| `" + name + "`"), name);
        }
        for (String name : List.of("REDIS_CONNECT_TIMEOUT", "REDIS_COMMAND_TIMEOUT")) {
            assertTrue(docs.contains("`" + name + "`"), name);
        }
    }
}
