package dev.holdfast.spring.boot;

import dev.holdfast.spring.boot.HoldfastProperties.Ssl;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.DefaultValue;

/** What is taken of {@code spring.data.redis.*}, whether Spring Data is there or not. The names are Spring Boot's. */
record RedisProperties(
        @Nullable String url,
        @Nullable String host,
        @Nullable Integer port,
        @Nullable String username,
        @Nullable String password,
        @Nullable Integer database,
        @Nullable Duration timeout,
        @Nullable Duration connectTimeout,
        @DefaultValue Cluster cluster,
        @DefaultValue Sentinel sentinel,
        @DefaultValue Ssl ssl) {
    static final String PREFIX = "spring.data.redis";

    record Cluster(@Nullable List<String> nodes) {}

    /** The name of the master, where the sentinels are, and what they want for a log-in. */
    record Sentinel(
            @Nullable String master,
            @Nullable List<String> nodes,
            @Nullable String username,
            @Nullable String password) {

        /** Whether anything says that Sentinel leads to the server. */
        boolean isWanted() {
            return master != null || nodes != null;
        }

        /** Whether that is enough to find it. */
        boolean isWhole() {
            return master != null && nodes != null;
        }

        /** Without secrets. */
        @Override
        public String toString() {
            return "Sentinel";
        }
    }

    /** Without secrets. */
    @Override
    public String toString() {
        return "RedisProperties";
    }
}
