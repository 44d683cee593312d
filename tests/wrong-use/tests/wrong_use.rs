//! Each case must not compile, and the compiler must say what to write instead.

#[test]
fn what_is_wrong_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("cases/*.rs");
    cases.pass("right/*.rs");
}
