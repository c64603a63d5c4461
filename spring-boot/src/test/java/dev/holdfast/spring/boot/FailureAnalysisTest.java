package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.cache.client.CacheClient;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.diagnostics.FailureAnalyzer;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.core.io.support.SpringFactoriesLoader;
import org.springframework.core.io.support.SpringFactoriesLoader.FailureHandler;

/** What is said of a configuration that can't be: the property as it was given, what was wrong, what would be right, no secret. */
class FailureAnalysisTest {

    private static void fails(String property, List<String> said, String... properties) {
        Contexts.plain().withPropertyValues(properties).run(context -> {
            assertThat(context).hasFailed();
            FailureAnalysis analysis = SpringFactoriesLoader.forDefaultResourceLocation()
                    .load(FailureAnalyzer.class, FailureHandler.handleMessage((message, failure) -> {}))
                    .stream()
                    .filter(HoldfastFailureAnalyzer.class::isInstance)
                    .findFirst()
                    .orElseThrow()
                    .analyze(context.getStartupFailure());
            assertThat(analysis).isNotNull();
            assertThat(analysis.getDescription() + analysis.getAction()).contains(property);
            assertThat(analysis.getDescription()).contains(said);
            assertThat(analysis.getDescription() + analysis.getAction()).doesNotContain("s3cret");
            assertThat(String.valueOf(context.getStartupFailure())).doesNotContain("s3cret");
        });
    }

    @Test
    void aMalformedUrlNamesItsProperty() {
        fails("holdfast.single.url", List.of("holdfast.single.url is"), "holdfast.single.url=http://:s3cret@host");
        fails("spring.data.redis.url", List.of("spring.data.redis.url"), "spring.data.redis.url=http://:s3cret@host");
        fails("REDIS_URL", List.of("REDIS_URL"), "REDIS_URL=http://:s3cret@host");
    }

    @Test
    void aNumberOutOfItsBoundsNamesItsProperty() {
        fails("holdfast.single.port", List.of("from 1 to 65535"), "holdfast.single.host=h", "holdfast.single.port=0");
        fails("holdfast.ttl", List.of("holdfast.ttl is 1500ms"), "holdfast.ttl=1500ms");
        fails("holdfast.failover.max-failures", List.of("from 1 to"), "holdfast.failover.max-failures=0");
    }

    @Test
    void aNameThatNoClientCanHaveNamesItsProperty() {
        fails("holdfast.name", List.of("must not be blank"), "holdfast.name=");
        fails("holdfast.name", List.of("control characters"), "holdfast.name=a\nb");
    }

    @Test
    void aServerWithoutAPlaceIsRefused() {
        fails("holdfast.single.url", List.of("holdfast.single.password"), "holdfast.single.password=s3cret");
        fails("holdfast.cluster.nodes", List.of("holdfast.cluster.username"), "holdfast.cluster.username=bob");
    }

    @Test
    void aStrictStartNamesWhatDoesNotAnswer() {
        fails(
                "holdfast.single.host",
                List.of("127.0.0.1:1"),
                "holdfast.single.host=127.0.0.1",
                "holdfast.single.port=1",
                "holdfast.strict-start=true");
    }

    @Test
    void aTierThatIsNotConfiguredIsNamed() {
        fails("holdfast.tiers", List.of("holdfast.tiers"), "holdfast.tiers=cluster,memory");
    }

    @Test
    void aModuleThatIsMissingIsNamed() {
        Contexts.plain()
                .withPropertyValues("holdfast.cluster.nodes=127.0.0.1:7000")
                .run(context -> assertThat(context.getStartupFailure())
                        .rootCause()
                        .hasMessageContaining("dev.holdfast:holdfast-cache-cluster"));
    }

    @Test
    void anSslBundleThatIsMissingIsNamed() {
        fails(
                "holdfast.single.ssl.bundle",
                List.of("\"none\""),
                "holdfast.single.host=h",
                "holdfast.single.ssl.bundle=none");
    }

    @Test
    void withoutTransactionsOnTheClassPathTheirPropertyIsNamed() {
        Contexts.caching()
                .withClassLoader(new FilteredClassLoader("org.springframework.transaction"))
                .withPropertyValues("holdfast.transaction-aware=true")
                .run(context -> assertThat(new HoldfastFailureAnalyzer()
                                .analyze(context.getStartupFailure())
                                .getDescription())
                        .contains("holdfast.transaction-aware"));
    }

    @Test
    void aServerThatIsAwayIsNoFailureWithoutAStrictStart() {
        Contexts.plain()
                .withPropertyValues("holdfast.single.host=127.0.0.1", "holdfast.single.port=1")
                .run(context ->
                        assertThat(context.getBean(CacheClient.class).isReady()).isTrue());
    }
}
