/** Real servers, scripted faults and the contract of a store, for tests. */
module dev.holdfast.cache.testkit {
    requires transitive dev.holdfast.cache;
    requires transitive org.junit.jupiter.api;
    requires static transitive org.jspecify;
    requires tools.jackson.core;

    exports dev.holdfast.cache.testkit;

    uses dev.holdfast.cache.spi.StoreProvider;

    // The tests of the contract are package-private; JUnit calls them.
    opens dev.holdfast.cache.testkit to
            org.junit.platform.commons;
}
