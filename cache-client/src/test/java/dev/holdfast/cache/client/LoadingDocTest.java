package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The snippets of docs/loading.md: the document holds them word for word, and they run here. */
class LoadingDocTest extends EngineFixture {
    private final Cache<String, String> cache = open(CachePolicy.defaults());

    /** A source of truth. */
    private static final class Source {
        String find(String key) {
            return "value of " + key;
        }

        long ownerOf(String key) {
            return key.isEmpty() ? 0 : 42;
        }

        Map<String, String> findAll(Set<String> keys) {
            Map<String, String> found = new java.util.HashMap<>();
            keys.forEach(key -> found.put(key, find(key)));
            return found;
        }

        Answer ask(String key, String etag) {
            return new Answer(etag.equals("1"), "1", "value of " + key, Duration.ofSeconds(30));
        }
    }

    private record Answer(boolean notModified, String etag, String value, Duration maxAge) {}

    private final Source source = new Source();

    @Test
    void onEveryRead() {
        // doc: read
        String value = cache.get("42", key -> source.find(key));
        // end
        assertEquals("value of 42", value);
        // doc: bulk
        Map<String, String> values = cache.getAll(List.of("1", "2", "3"), keys -> source.findAll(keys));
        // end
        assertEquals(3, values.size());
        // doc: async
        CompletableFuture<String> later = cache.async().get("42", key -> source.find(key));
        // end
        assertEquals("value of 42", later.join());
        // doc: in-time
        String endpoint = cache.async()
                .get("42", key -> source.find(key))
                .copy() // what the caller gives up on: the load itself goes on, and is stored
                .completeOnTimeout("later", 80, TimeUnit.MILLISECONDS)
                .exceptionally(failure -> "later")
                .join();
        // end
        assertTrue(Set.of("value of 42", "later").contains(endpoint), endpoint);
    }

    @Test
    void policies() {
        // doc: stale
        CachePolicy outlivesItsSource = CachePolicy.of(Duration.ofMinutes(5)).withStaleIfError(Duration.ofHours(24));
        // end
        assertEquals(Duration.ofHours(24), outlivesItsSource.staleIfError());
        // doc: soft
        CachePolicy answersInTime = CachePolicy.of(Duration.ofMinutes(5))
                .withStaleIfError(Duration.ofHours(24))
                .withLoadSoftTimeout(Duration.ofMillis(80));
        // end
        assertEquals("value of 42", cache.get("42", key -> source.find(key), answersInTime));
        // doc: ahead
        CachePolicy nobodyWaits = CachePolicy.of(Duration.ofMinutes(5)).withRefreshAhead(0.8);
        // end
        assertEquals(0.8, nobodyWaits.refreshAhead());
        // doc: jitter
        CachePolicy spread = CachePolicy.of(Duration.ofHours(1)).withTtlJitter(0.1);
        // end
        assertEquals(0.1, spread.ttlJitter());
        // doc: negative
        CachePolicy remembersAbsence =
                CachePolicy.of(Duration.ofMinutes(5)).withRememberAbsence(Duration.ofSeconds(30));
        // end
        assertEquals(Duration.ofSeconds(30), remembersAbsence.rememberAbsence());
        // doc: gentle
        CachePolicy gentle =
                CachePolicy.of(Duration.ofMinutes(5)).withMaxLoads(8).withLoadTimeout(Duration.ofSeconds(5));
        // end
        assertEquals(8, gentle.maxLoads());
        // doc: once
        CachePolicy once = CachePolicy.of(Duration.ofMinutes(5)).withLoadLock(Duration.ofSeconds(2));
        // end
        assertEquals(Duration.ofSeconds(2), once.loadLock());
    }

    @Test
    void tags() {
        String order = "an order";
        // doc: tags
        cache.put("order:7", order, cache.policy().withTags("user:42", "shop:3"));
        CacheLoader<String, String> tagging = CacheLoader.adaptive((key, context) -> {
            context.tags("user:" + source.ownerOf(key)); // what only the source knows
            return source.find(key);
        });
        String loaded = cache.get("order:8", tagging);
        cache.markStaleByTag("shop:3"); // the next read loads the first anew
        cache.removeByTag("user:42"); // both, by one write
        // end
        assertEquals("value of order:8", loaded);
        assertFalse(cache.contains("order:7"));
        assertFalse(cache.contains("order:8"));
    }

    @Test
    void adaptive() {
        // doc: adaptive
        CacheLoader<String, String> conditional = CacheLoader.adaptive((key, context) -> {
            Answer answer = source.ask(key, context.lastETag().orElse(""));
            context.ttl(answer.maxAge());
            if (answer.notModified()) {
                return context.notModified();
            }
            context.etag(answer.etag());
            return answer.value();
        });
        String value = cache.get("42", conditional);
        // end
        assertEquals("value of 42", value);
        time.advance(Duration.ofSeconds(30));
        assertEquals("value of 42", cache.get("42", conditional));
    }

    @Test
    void afterAChange() {
        cache.put("42", "old");
        // doc: change
        cache.remove("42"); // the next read loads; a load under way is not stored
        cache.markStale("42"); // the same, but the value may still stand in if that load fails
        // end
        assertFalse(cache.contains("42"));
    }

    @Test
    void compressed() {
        // doc: compressed
        Codec<String> codec = Codec.compressed(Codec.string(), 1_000);
        // end
        assertTrue(codec.encode("long ".repeat(1_000)).length < 1_000);
    }

    @Test
    void theDocumentHoldsTheseSnippets() throws IOException {
        Path root = Path.of("").toAbsolutePath();
        while (!Files.exists(root.resolve("docs/loading.md"))) {
            root = root.getParent();
        }
        String document = Files.readString(root.resolve("docs/loading.md"));
        Path source = root.resolve("cache-client/src/test/java/dev/holdfast/cache/client/LoadingDocTest.java");
        List<String> snippet = null;
        int snippets = 0;
        for (String line : Files.readAllLines(source)) {
            if (line.strip().startsWith("// doc:")) {
                snippet = new ArrayList<>();
            } else if (line.strip().equals("// end") && snippet != null) {
                String expected = "```java\n" + String.join("\n", snippet) + "\n```";
                assertTrue(document.contains(expected), () -> "docs/loading.md lacks:\n" + expected);
                snippet = null;
                snippets++;
            } else if (snippet != null) {
                snippet.add(line.substring(Math.min(8, line.length())));
            }
        }
        assertEquals(document.split("```java", -1).length - 1, snippets);
    }
}
