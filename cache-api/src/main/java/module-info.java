import org.jspecify.annotations.NullMarked;

/** The contracts of Holdfast: what a store implements and what an application holds. */
@NullMarked
module dev.holdfast.cache {
    requires static transitive org.jspecify;
    requires org.slf4j;
    requires static com.github.luben.zstd_jni;

    exports dev.holdfast.cache;
}
